import type { Milliseconds } from '../../base/units.js'
import { ALIVE_INTERVAL, type FindingLine } from './egress-finding.js'

/**
 * For how long connections were observed, by the lines about that: a process that died counts until its last line. verify.py in
 * evidence packs has the same rules in Python.
 */
export class ObservedTime {
  private total: Milliseconds = 0
  private open: Milliseconds | undefined
  private last: Milliseconds | undefined

  /** @param since nothing before counts */
  constructor(private readonly since: Milliseconds) {}

  /** Lines in their order, not before `since`. */
  add({ event, time }: Pick<FindingLine, 'event' | 'time'>): void {
    if (event !== 'start' && event !== 'alive' && event !== 'stop') return
    // The first one of a period tells that connections were observed before it.
    if (this.last === undefined && event !== 'start')
      this.open = Math.max(this.since, time - ALIVE_INTERVAL)
    const { open, last } = this
    this.last = time
    if (event === 'alive') return
    if (open !== undefined) this.total += (event === 'stop' ? time : last!) - open
    this.open = event === 'start' ? time : undefined
  }

  /** Whether they were observed at all. */
  get isAny(): boolean {
    return this.last !== undefined
  }

  /** Of what is still open, until the last line: ten minutes at most are missing. */
  get time(): Milliseconds {
    const { total, open, last } = this
    return open === undefined ? total : total + last! - open
  }
}
