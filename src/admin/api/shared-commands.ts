import type { Milliseconds } from '../../base/units.js'

interface Answer<Result, Progress> {
  readonly result: Promise<Result>
  /** Of the clients that wait for it. */
  readonly listeners: Set<Listener<Progress>>
  /** The newest. */
  readonly progress: () => Progress | undefined
  readonly controller: AbortController
  /** Monotonic; undefined: it runs. */
  doneAt: Milliseconds | undefined
}

type Listener<Progress> = (progress: Progress) => void

/** A report may be this old: many dashboards cost no more than one. */
const MAX_AGE: Milliseconds = 30_000
const MAX_ANSWERS = 32

/** Runs a command once for all clients that ask for the same at about the same time. */
export class SharedCommands<Request, Result, Progress> {
  private readonly answers = new Map<string, Answer<Result, Progress>>()

  constructor(
    private readonly command: (
      request: Request,
      signal: AbortSignal,
      onProgress: Listener<Progress>
    ) => Promise<Result>,
    private readonly now = (): Milliseconds => performance.now()
  ) {}

  /** @throws what the command throws, and the reason of the signal */
  async run(
    request: Request,
    signal: AbortSignal,
    onProgress: Listener<Progress>
  ): Promise<Result> {
    const { answers } = this
    const key = JSON.stringify(request)
    for (const [one, { doneAt }] of answers)
      if (doneAt !== undefined && this.now() - doneAt > MAX_AGE) answers.delete(one)
    const answer = answers.get(key) ?? this.start(key, request)
    const { listeners } = answer
    const listener: Listener<Progress> = progress => onProgress(progress)
    listeners.add(listener)
    const progress = answer.progress()
    if (progress !== undefined) onProgress(progress)
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        reject(signal.reason as Error)
        listeners.delete(listener)
        // Nobody waits for it any more: the command is killed.
        if (listeners.size > 0 || answer.doneAt !== undefined) return
        answers.delete(key)
        answer.controller.abort(signal.reason)
      }
      signal.addEventListener('abort', leave, { once: true })
      const done = (): void => signal.removeEventListener('abort', leave)
      answer.result.finally(done).then(resolve, reject)
    })
  }

  private start(key: string, request: Request): Answer<Result, Progress> {
    const { answers, command } = this
    const controller = new AbortController()
    const listeners = new Set<Listener<Progress>>()
    let progress: Progress | undefined
    const result = command(request, controller.signal, newest => {
      progress = newest
      for (const listener of listeners) listener(newest)
    })
    const answer: Answer<Result, Progress> = {
      ...{ result, listeners, controller, doneAt: undefined },
      progress: () => progress
    }
    answers.set(key, answer)
    while (answers.size > MAX_ANSWERS) answers.delete(answers.keys().next().value!)
    result.then(
      () => (answer.doneAt = this.now()),
      // A failure is not kept: the next request runs the command again.
      () => answers.get(key) === answer && answers.delete(key)
    )
    return answer
  }
}
