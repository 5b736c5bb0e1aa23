import type { Clock } from '../../base/time/clock.js'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import { liveSubject, MAX_BLOCKED } from '../channel/wire.js'

/** A gateway sends a batch each second, and more only when it blocks hundreds of lookups a second. */
const MAX_BATCHES = 16

/** Writes batches of blocked lookups to the live stream, under the names of their gateways, and drops what is too much. */
export class LiveRelay {
  private readonly batches = new Map<string, number>()
  private since: Milliseconds = 0

  constructor(
    private readonly publish: (subject: string, octets: Uint8Array) => void,
    private readonly clock: Clock
  ) {}

  take(gateway: string, octets: Uint8Array): void {
    const now = this.clock.now()
    if (now - this.since >= MS_PER_SECOND) {
      this.since = now
      this.batches.clear()
    }
    const batches = (this.batches.get(gateway) ?? 0) + 1
    if (batches > MAX_BATCHES || octets.length > MAX_BLOCKED) return
    this.batches.set(gateway, batches)
    this.publish(liveSubject(gateway), octets)
  }
}
