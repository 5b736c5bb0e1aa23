import { failure } from '../../base/errors/error.js'

/** Gives a bounded number of callers a slot at once; others wait in order, up to a limit. */
export class CommandSlots {
  private taken = 0
  private readonly queue: (() => void)[] = []

  constructor(
    private readonly slots: number,
    private readonly maxWaiting: number
  ) {}

  /**
   * Waits for a slot, which the caller has to `release`.
   *
   * @param onWait called if no slot is free
   * @throws InterdictError API_BUSY, and the reason of the signal
   */
  async take(signal: AbortSignal, onWait: () => void): Promise<void> {
    signal.throwIfAborted()
    if (this.taken < this.slots) {
      this.taken++
      return
    }
    const { queue, maxWaiting } = this
    if (queue.length >= maxWaiting)
      throw failure('API_BUSY', `${this.slots} questions to the log, and ${maxWaiting} that wait`)
    onWait()
    await new Promise<void>((resolve, reject) => {
      const leave = (): void => {
        queue.splice(queue.indexOf(enter), 1)
        reject(signal.reason as Error)
      }
      const enter = (): void => {
        signal.removeEventListener('abort', leave)
        resolve()
      }
      queue.push(enter)
      signal.addEventListener('abort', leave, { once: true })
    })
  }

  /** Frees a slot, or hands it over to the first caller that waits. */
  release(): void {
    const next = this.queue.shift()
    if (next === undefined) this.taken--
    else next()
  }
}
