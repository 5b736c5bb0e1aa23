import type { Milliseconds } from '../../base/units.js'

/** No reply waits longer for others, while the thread is busy. */
const MAX_DELAY: Milliseconds = 1

/** Sends the replies of one turn of the event loop together: a message between threads costs much. */
export class ReplyBatch<Reply> {
  private batch: Reply[] = []
  private since: Milliseconds = 0

  constructor(
    private readonly send: (batch: readonly Reply[]) => void,
    private readonly now: () => Milliseconds
  ) {}

  add(reply: Reply): void {
    const now = this.now()
    if (this.batch.length === 0) {
      this.since = now
      setImmediate(this.flush)
    }
    this.batch.push(reply)
    if (now - this.since >= MAX_DELAY) this.flush()
  }

  private readonly flush = (): void => {
    const { batch } = this
    this.batch = []
    if (batch.length > 0) this.send(batch)
  }
}
