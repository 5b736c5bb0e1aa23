import { NO_TIER, TIER } from './claim.js'

/**
 * What the policy decides about a name or address for one client, or about several of them
 * together. One instance is reused: clear it, then let `Policy.evaluateName` and
 * `Policy.evaluateAddress` add their results. The better tier wins; within a tier the earlier call.
 */
export class Decision {
  /** Number of the deciding claim, or -1: no rule matches; forward. */
  claim = -1
  /** Its tier plus its step in it, or NO_TIER. */
  tier: number = NO_TIER
  /** Entry of the matched name or prefix in the snapshot, which gives its text and line. -1: none. */
  entry = -1
  /** Label of the evaluated name at which the matched suffix begins. */
  label = 0
  /** A ban or block in monitor mode that would have decided if it were enforced; -1: none. */
  monitorClaim = -1
  monitorTier: number = NO_TIER
  monitorEntry = -1
  /** A source that lists the name and whose lookups are logged whatever is decided; -1: none. */
  logSource = -1
  logEntry = -1
  /** Local records that have the name, or the zone it is in; -1: none. They answer unless a ban decides. */
  recordClaim = -1
  recordEntry = -1
  /** Whether the entry is the evaluated name itself, not a name above it. */
  recordIsExact = false

  /** Whether nothing matched, not even what is only monitored or logged. */
  get isEmpty(): boolean {
    return (
      this.claim === -1 &&
      this.monitorClaim === -1 &&
      this.logSource === -1 &&
      this.recordClaim === -1
    )
  }

  copyFrom(other: Decision): void {
    this.takeDecision(other)
    this.takeMonitored(other)
    this.logSource = other.logSource
    this.logEntry = other.logEntry
    this.recordClaim = other.recordClaim
    this.recordEntry = other.recordEntry
    this.recordIsExact = other.recordIsExact
  }

  clear(): void {
    this.claim = -1
    this.tier = NO_TIER
    this.entry = -1
    this.label = 0
    this.monitorClaim = -1
    this.monitorTier = NO_TIER
    this.monitorEntry = -1
    this.logSource = -1
    this.logEntry = -1
    this.recordClaim = -1
    this.recordEntry = -1
  }

  /** As `clear`; then only bans, and the exceptions that lift them, add their results. */
  clearForBans(): void {
    this.clear()
    this.tier = TIER.allow
  }

  /** Takes over which claim decides. */
  takeDecision({ claim, tier, entry, label }: Decision): void {
    this.claim = claim
    this.tier = tier
    this.entry = entry
    this.label = label
  }

  /** Takes over which claim would decide if it were enforced. */
  takeMonitored({ monitorClaim, monitorTier, monitorEntry }: Decision): void {
    this.monitorClaim = monitorClaim
    this.monitorTier = monitorTier
    this.monitorEntry = monitorEntry
  }
}
