import type { Milliseconds } from '../../base/units.js'

type Run = (words: readonly string[], signal: AbortSignal) => Promise<unknown>

interface Answer {
  readonly result: Promise<unknown>
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
export class SharedCommands {
  private readonly answers = new Map<string, Answer>()

  constructor(
    private readonly command: Run,
    private readonly now = (): Milliseconds => performance.now()
  ) {}

  async run(words: readonly string[], signal: AbortSignal): Promise<unknown> {
    const { answers } = this
    const key = JSON.stringify(words)
    for (const [one, { doneAt }] of answers)
      if (doneAt !== undefined && this.now() - doneAt > MAX_AGE) answers.delete(one)
    const answer = answers.get(key) ?? this.start(key, words)
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

  private start(key: string, words: readonly string[]): Answer {
    const { answers, command } = this
    const controller = new AbortController()
    const result = command(words, controller.signal)
    const answer: Answer = { result, controller, waiting: 0, doneAt: undefined }
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
