import type { Seconds } from '../../base/units.js'
import type { Validation, Verdict } from './verdict.js'

const MAX_ENTRIES = 10_000
/** Answers that failed are validated again after so long; others as their TTL says, but no later than this. */
const MAX_TTL: Readonly<Record<Verdict, Seconds>> = {
  secure: 3600,
  insecure: 3600,
  indeterminate: 5,
  bogus: 60
}

/** Verdicts by question; bounded, oldest entries removed first. */
export class VerdictCache {
  private readonly entries = new Map<string, { validation: Validation; expires: Seconds }>()

  constructor(private readonly now: () => Seconds) {}

  get(name: Uint8Array, type: number): Validation | undefined {
    const entry = this.entries.get(keyOf(name, type))
    return entry !== undefined && entry.expires > this.now() ? entry.validation : undefined
  }

  clear(): void {
    this.entries.clear()
  }

  set(name: Uint8Array, type: number, validation: Validation): void {
    const { entries } = this
    const { ttl, verdict } = validation
    const key = keyOf(name, type)
    const isFailure = verdict === 'bogus' || verdict === 'indeterminate'
    const lifetime = isFailure ? MAX_TTL[verdict] : Math.min(ttl, MAX_TTL[verdict])
    entries.delete(key)
    if (entries.size >= MAX_ENTRIES) entries.delete(entries.keys().next().value!)
    entries.set(key, { validation, expires: this.now() + lifetime })
  }
}

function keyOf(name: Uint8Array, type: number): string {
  return `${type}/${Buffer.from(name).toString('latin1')}`
}
