import type { Seconds } from '../../base/units.js'
import type { NoCut, ZoneStatus } from './zone-trust.js'

const MAX_ENTRIES = 20_000

/** What is known of names as apexes of zones, failures included; bounded, oldest entries removed first. */
export class ZoneCache {
  private readonly entries = new Map<string, ZoneStatus | NoCut>()

  constructor(private readonly now: () => Seconds) {}

  get(name: Uint8Array): ZoneStatus | NoCut | undefined {
    const key = keyOf(name)
    const entry = this.entries.get(key)
    if (entry === undefined || entry.expires > this.now()) return entry
    this.entries.delete(key)
    return undefined
  }

  set(name: Uint8Array, entry: ZoneStatus | NoCut): void {
    const { entries } = this
    const key = keyOf(name)
    entries.delete(key)
    if (entries.size >= MAX_ENTRIES) entries.delete(entries.keys().next().value!)
    entries.set(key, entry)
  }

  clear(): void {
    this.entries.clear()
  }
}

function keyOf(name: Uint8Array): string {
  return Buffer.from(name).toString('latin1')
}
