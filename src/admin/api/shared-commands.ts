import type { Milliseconds } from '../../base/units.js'

interface Answer<Result> {
  readonly result: Promise<Result>
  readonly controller: AbortController
  /** Clients that wait for it. */
  waiting: number
  /** Monotonic; undefined: it runs. */
  doneAt: Milliseconds | undefined
}

/** A report may be this old: many dashboards cost no more than one. */
const MAX_AGE: Milliseconds = 30_000
const MAX_ANSWERS = 32

/** Runs a command once for all clients that ask for the same at about the same time. */
export class SharedCommands<Request, Result> {
  private readonly answers = new Map<string, Answer<Result>>()

  constructor(
    private readonly command: (request: Request, signal: AbortSignal) => Promise<Result>,
    private readonly now = (): Milliseconds => performance.now()
  ) {}

  async run(request: Request, signal: AbortSignal): Promise<Result> {
    const { answers } = this
    const key = JSON.stringify(request)
    for (const [one, { doneAt }] of answers)
      if (doneAt !== undefined && this.now() - doneAt > MAX_AGE) answers.delete(one)
    const answer = answers.get(key) ?? this.start(key, request)
    answer.waiting++
    const leave = (): void => {
      // Nobody waits for it any more: the command is killed.
      if (--answer.waiting > 0 || answer.doneAt !== undefined) return
      answers.delete(key)
      answer.controller.abort()
    }
    signal.addEventListener('abort', leave, { once: true })
    return answer.result.finally(() => signal.removeEventListener('abort', leave))
  }

  private start(key: string, request: Request): Answer<Result> {
    const { answers, command } = this
    const controller = new AbortController()
    const result = command(request, controller.signal)
    const answer: Answer<Result> = { result, controller, waiting: 0, doneAt: undefined }
    answers.set(key, answer)
    while (answers.size > MAX_ANSWERS) answers.delete(answers.keys().next().value!)
    result.then(
      () => (answer.doneAt = this.now()),
      // A failure is not kept: the next request runs the command again.
      () => answers.delete(key)
    )
    return answer
  }
}
