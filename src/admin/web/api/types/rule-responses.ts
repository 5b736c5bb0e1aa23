/**
 * What the dashboard reads of responses about rules, and what they decide; docs/reference/openapi.json has all of it. Code for browsers
 * imports nothing of the gateway: test/web/response-types.ts compares these types with the responses.
 */

export interface Listing<T> {
  readonly generation: number
  readonly total: number
  readonly offset: number
  readonly items: readonly T[]
}

export interface BlockListing extends Listing<Block> {
  /** The longest pause. */
  readonly maxPauseMinutes: number
}

export interface Source {
  readonly kind: string
  readonly id: string
  readonly title: string
}

export type RuleState = 'in force' | 'outside its hours' | 'to come' | 'ended'

export interface Listed {
  readonly id: string
  readonly rule: string
  readonly state: RuleState
  readonly networks: readonly string[]
  readonly sources: readonly Source[]
  readonly from: string | null
  readonly until: string | null
  readonly schedule: string | null
  readonly reference: string | null
  readonly referenceUrl: string | null
  readonly mandates: readonly Mandate[]
}

/** A mandate that concerns a rule, or the name that was asked for. */
export interface Mandate {
  readonly id: string
  readonly authority: string
  readonly reference: string
  readonly at: string
}

export interface Ban extends Listed {
  readonly mode: 'enforce' | 'monitor'
  readonly action: string
  readonly review: string | null
  readonly authority: string | null
  readonly legalBasis: string | null
  readonly owner: string | null
  readonly lacking: readonly string[]
  readonly partly: readonly string[]
  readonly scope: readonly string[] | null
  readonly uncovered: readonly string[]
}

export interface Exception extends Listed {
  readonly purpose: string
  readonly approvedBy: string
  readonly prefixes: readonly string[]
}

/** A name that is not validated by DNSSEC, with those below it. */
export interface DnssecException {
  readonly name: string
  readonly state: RuleState
  readonly purpose: string
  readonly approvedBy: string
  readonly reference: string | null
  readonly referenceUrl: string | null
  readonly until: string | null
}

export interface Notice {
  readonly at: string
  readonly kind: 'ban' | 'exception'
  readonly id: string
  readonly what: 'starts' | 'ends' | 'review' | 'review due'
}

export interface Block {
  readonly id: string
  readonly rule: string
  readonly state: RuleState
  readonly networks: readonly string[]
  readonly sources: readonly Source[]
  readonly mode: 'enforce' | 'monitor'
  readonly action: string
  readonly pausedUntil: string | null
  readonly pausedBy: string | null
  readonly pauseReason: string | null
}

export interface Network {
  readonly id: string
  readonly prefixes: readonly string[]
  readonly rules: { ban: number; exception: number; allow: number; block: number }
}

export interface RuleView {
  readonly kind: string
  readonly id: string
  readonly rule: string
  readonly through: string
  readonly pattern: string
  readonly source: string
  readonly monitor: boolean
  readonly from?: string
  readonly until?: string
  readonly schedule?: string
  readonly facts: Readonly<Record<string, string>>
  readonly outcome?: string
}

export interface DnssecView {
  readonly mode: 'observe' | 'enforce'
  readonly verdict: string
  readonly ede: number | null
  readonly reason: string
  readonly steps: readonly {
    readonly subject: string
    readonly verdict: string
    readonly text: string
  }[]
}

export interface Explanation {
  readonly name: string
  readonly type: string
  readonly client: string
  readonly network: string | null
  readonly addressNetwork: string | null
  readonly at: string
  readonly rules: { readonly sha256: string | null; readonly serial: number | null }
  readonly verdict: string
  readonly match: string
  readonly rule: RuleView | null
  readonly upstream: string | null
  /** Of an answer from an upstream, in a network that observes or enforces DNSSEC. */
  readonly dnssec?: DnssecView | undefined
  readonly steps: readonly { readonly subject: string; readonly rules: readonly RuleView[] }[]
  readonly mandates: readonly (Mandate & { readonly orders: string; readonly met: boolean })[]
  readonly reply: readonly string[] | null
  /** For a time in the past. */
  readonly past?:
    | {
        readonly unknown: readonly string[]
        readonly notes: readonly string[]
        readonly log: {
          readonly lookups: readonly {
            readonly time: string
            readonly type: string
            readonly verdict: string
            readonly rule: string | null
          }[]
        }
      }
    | undefined
  readonly timeZone: string
}

export interface HistoryEntry {
  readonly from: string
  readonly seconds: number | null
  readonly event: string
  readonly sha256: string | null
  readonly serial: number | null
  readonly reason: string | null
  readonly by: string | null
  readonly changed: readonly string[]
  readonly summary: string
}

export interface RulesHistory {
  readonly total: number
  readonly entries: readonly HistoryEntry[]
}

export interface RestoredVersion {
  readonly sha256: string
  readonly written: readonly string[]
  readonly removed: readonly string[]
}

export interface List {
  readonly id: string
  readonly source: string
  readonly entries: number
  readonly state: string
  readonly fetched: string | null
  readonly failures: number
  readonly error: { code: string; message: string } | null
}

interface Problem {
  readonly code: string
  readonly message: string
  /** Where in the rule files; undefined: nowhere in particular. */
  readonly file?: string
  readonly line?: number
  readonly column?: number
}

export interface Checked {
  readonly check: {
    readonly ok: boolean
    readonly errors: readonly Problem[]
    readonly warnings: readonly Problem[]
  }
  readonly diff: Readonly<Record<string, unknown>> | null
  readonly replay: Readonly<Record<string, unknown>> | null
}

/** Published guidance, compared with settings and rules. */
export interface JudgedProfile {
  readonly title: string
  readonly document: string
  readonly original: string
  readonly requirements: readonly {
    readonly id: string
    readonly section: string
    readonly text: string
    readonly state: 'met' | 'partly' | 'not met' | 'not applicable' | 'not known'
    readonly found: string
    readonly change: string | null
  }[]
}
