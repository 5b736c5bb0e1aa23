import type { Seconds } from '../../base/units.js'

/** Failed verifications after which a zone is left alone until the minute is over. */
const MAX_FAILED = 64
const WINDOW: Seconds = 60
const MAX_ZONES = 10_000

interface Failures {
  readonly until: Seconds
  failed: number
}

/** Failed verifications of each zone: queries for many names of a KeyTrap zone share one limit. */
export class ZoneFailures {
  private readonly zones = new Map<string, Failures>()

  constructor(private readonly now: () => Seconds) {}

  isExhausted(zone: string): boolean {
    const known = this.zones.get(zone)
    return known !== undefined && known.until > this.now() && known.failed >= MAX_FAILED
  }

  add(zone: string): void {
    const { zones } = this
    const now = this.now()
    const known = zones.get(zone)
    if (known !== undefined && known.until > now) {
      known.failed++
      return
    }
    zones.delete(zone)
    if (zones.size >= MAX_ZONES) zones.delete(zones.keys().next().value!)
    zones.set(zone, { until: now + WINDOW, failed: 1 })
  }
}
