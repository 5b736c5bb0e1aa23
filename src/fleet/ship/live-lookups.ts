import type { NatsConnection } from '@nats-io/transport-node'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import { FollowedFile } from '../../lookups/files/follow.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import { BLOCKED_SUBJECT, MAX_BLOCKED } from '../channel/wire.js'

/** A batch leaves every second. */
const INTERVAL: Milliseconds = MS_PER_SECOND
/** As in every line of a blocked lookup. Names cannot contain it: quotes are escaped in JSON. */
const BLOCKED = '"verdict":"blocked"'

export interface LiveOptions {
  /** Path of the live query log. */
  readonly path: string
  readonly connection: () => NatsConnection | undefined
  readonly log: ServiceLog
}

/**
 * Sends blocked lookups of the query log to the hub as they are written, as lines, in batches of one second. What happens
 * without a connection is not sent later: it is in the log files.
 */
export class LiveLookups {
  private readonly file: FollowedFile
  private readonly timer: NodeJS.Timeout
  private logged = ''

  constructor(
    private readonly options: LiveOptions,
    interval = INTERVAL
  ) {
    this.file = new FollowedFile(options.path)
    this.attempt(() => this.file.readLast(0, () => true))
    this.timer = setInterval(() => this.attempt(() => this.sendNew()), interval)
  }

  close(): void {
    clearInterval(this.timer)
    this.file.close()
  }

  private sendNew(): void {
    const connection = this.options.connection()
    let batch: string[] = []
    let size = 0
    const send = (): void => {
      if (size > 0) connection?.publish(BLOCKED_SUBJECT, batch.join('\n'))
      batch = []
      size = 0
    }
    for (const lines of this.file.readNew()) {
      for (const line of lines.filter(one => one.includes(BLOCKED))) {
        const length = Buffer.byteLength(line) + 1
        if (size + length > MAX_BLOCKED) send()
        batch.push(line)
        size += length
      }
    }
    send()
  }

  /** The log may be unreadable for a while. */
  private attempt(act: () => void): void {
    try {
      act()
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (message !== this.logged) this.options.log.warn({ code }, message)
      this.logged = message
    }
  }
}
