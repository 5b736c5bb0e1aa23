import type { ServiceLog } from '../log/service-log.js'
import type { Snapshot } from '../policy/snapshot.js'
import type { FromRecorder, RecorderStart, ToRecorder } from './messages.js'
import type { StartThread, Thread } from './thread.js'
import { troubleOf } from './trouble.js'

/** The recorder thread, seen from the control thread; started anew if it dies. */
export class RecorderHandle {
  private thread: Thread<ToRecorder>
  private snapshot: Snapshot | undefined
  private drained: () => void = () => undefined

  constructor(
    private readonly startThread: StartThread,
    private readonly start: RecorderStart,
    private readonly log: ServiceLog
  ) {
    this.thread = this.launch()
  }

  /** To be called before any worker is given the snapshot. */
  adopt(snapshot: Snapshot): void {
    this.snapshot = snapshot
    this.thread.send({ kind: 'adopt', snapshot })
  }

  /** For rotation by others: the file is opened anew under its name. */
  reopen(): void {
    this.thread.send({ kind: 'reopen' })
  }

  /** Everything recorded is on disk when this resolves, and the thread has ended. */
  async drain(): Promise<void> {
    const done = new Promise<void>(resolve => {
      this.drained = resolve
    })
    this.thread.send({ kind: 'drain' })
    await done
    await this.thread.end()
  }

  end(): Promise<void> {
    return this.thread.end()
  }

  private launch(): Thread<ToRecorder> {
    return this.startThread<ToRecorder, FromRecorder>('recorder-main.js', this.start, {
      message: message => {
        if (message.kind === 'drained') this.drained()
        else this.log[message.level](message.fields, message.message)
      },
      gone: error => this.replace(error)
    })
  }

  private replace(error: Error | undefined): void {
    const fields = { error: troubleOf(error ?? new Error('ended')).message }
    this.log.error(fields, 'the recorder died; answers go on, and it is replaced')
    this.drained()
    this.thread = this.launch()
    if (this.snapshot !== undefined) this.thread.send({ kind: 'adopt', snapshot: this.snapshot })
  }
}
