/**
 * What the dashboard reads of the responses of the API; docs/reference/openapi.json has all of it. Code for browsers
 * imports nothing of the gateway: test/web/response-types.ts compares these types with the responses.
 */

export type Scope = 'read' | 'operate' | 'policy'

export interface Me {
  readonly name: string | null
  readonly scopes: readonly Scope[]
  readonly sessionEnds: string | null
  readonly login: string | null
}

export interface Problem {
  readonly code: string
  readonly subject: string | null
  readonly message: string
}

export interface Reload {
  readonly at: string
  readonly reason: string
  readonly outcome: string
  readonly errors: number
  readonly first: readonly { readonly code: string; readonly message: string }[]
}

export interface Usage {
  readonly entries: number
  readonly octets: number
  readonly limitOctets: number
}

export interface Status {
  readonly version: string
  readonly started: string
  readonly uptimeSeconds: number
  readonly transport: string
  readonly listening: readonly { address: string; port: number; protocol: string }[]
  readonly rules: {
    readonly generation: number
    readonly sha256: string
    readonly since: string
    readonly bundle: { serial: number; expires: string; state: string } | null
    readonly networks: number
    readonly rules: number
    readonly bans: number
    readonly names: number
    readonly ending: number
    readonly reviewsDue: number
    readonly reload: Reload | null
  }
  readonly settings: { file: string; since: string; restart: readonly { key: string }[] } | null
  readonly workers: readonly {
    readonly number: number
    readonly state: string
    readonly restarts: number
    readonly since: string | null
    readonly generation: number
    readonly heapOctets?: number
  }[]
  readonly cache: { readonly answers: Usage; readonly failures: Usage }
  readonly upstreams: readonly {
    readonly address: string
    readonly state: 'up' | 'down' | 'unknown'
    readonly encryption: string
    readonly error: string | null
    readonly isDefault: boolean
    readonly roundTripMs: number | null
  }[]
  readonly zones: readonly { list: string; zone: string; state: string; failures: number }[]
  readonly certificates: readonly { name: string; expires: string }[]
  readonly recorder: {
    readonly writable: boolean
    readonly written: number
    readonly dropped: number
    readonly lost: number
    readonly outputs: readonly {
      readonly name: string
      readonly connected: boolean
      readonly sent: number
      readonly dropped: number
      readonly waitingOctets: number
    }[]
  } | null
  readonly archive: {
    readonly freeOctets?: number | null
    readonly stored?: { octets: number } | null
    readonly last?: { outcome: string; at?: string } | null
  } | null
  readonly alerts: readonly { name: string; sent: number; failed: number; waiting: number }[]
  readonly probe: {
    readonly everySeconds: number
    readonly failing: number
    readonly last: { readonly asked: number } | null
    readonly lastGood: string | null
    readonly bans: { readonly all: number; readonly probed: number } | null
    readonly skipped: readonly { readonly what: string; readonly why: string }[]
  } | null
  readonly health: { readonly ready: boolean; readonly problems: readonly Problem[] }
}

export interface TrendPoint {
  readonly at: string
  readonly answered: number
  readonly blocked: number
  readonly stale: number
  readonly failed: number
  readonly hits: number
  readonly misses: number
  readonly p50Ms: number | null
  readonly p99Ms: number | null
}

export interface Trend {
  readonly now: {
    readonly seconds: number
    readonly queriesPerSecond: number
    readonly blockedShare: number | null
    readonly hitShare: number | null
    readonly p50Ms: number | null
    readonly p99Ms: number | null
  }
  readonly stepSeconds: number
  readonly points: readonly (TrendPoint | null)[]
}

export interface Page<T> {
  readonly generation: number
  readonly total: number
  readonly offset: number
  readonly items: readonly T[]
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
}

export interface Ban extends Listed {
  readonly mode: 'enforce' | 'monitor'
  readonly action: string
  readonly review: string | null
  readonly authority: string | null
  readonly legalBasis: string | null
  readonly owner: string | null
  readonly lacking: readonly string[]
}

export interface Exception extends Listed {
  readonly purpose: string
  readonly approvedBy: string
  readonly prefixes: readonly string[]
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

export interface Explanation {
  readonly name: string
  readonly type: string
  readonly client: string
  readonly network: string | null
  readonly at: string
  readonly rules: { readonly sha256: string; readonly serial: number | null }
  readonly verdict: string
  readonly match: string
  readonly rule: RuleView | null
  readonly upstream: string | null
  readonly steps: readonly { readonly subject: string; readonly rules: readonly RuleView[] }[]
  readonly reply: readonly string[] | null
  readonly timeZone: string
}

/** A line of the query log: docs/reference/query-log.md. */
export interface Lookup {
  readonly time: string
  readonly client?: string
  readonly network?: string
  readonly qname: string
  readonly qtype: string
  readonly verdict: string
  readonly app?: string
  readonly ban?: string
  readonly [field: string]: string | number | undefined
}

export interface Report {
  readonly title: string
  readonly timeZone: string
  readonly facts: Readonly<Record<string, string>>
  readonly tables: Readonly<
    Record<string, readonly Readonly<Record<string, string | number | null>>[]>
  >
  readonly remarks: readonly string[]
}

export interface StoredReport {
  readonly name: string
  readonly report: string
  readonly title: string
  readonly since: string | null
  readonly until: string | null
  readonly created: string
  readonly bytes: number
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

export interface Change {
  readonly at: string
  readonly by: string | null
  readonly operation: string
  readonly subject: string
  readonly code: string | null
}

export interface Machine {
  readonly host: string
  readonly node: string
  readonly residentOctets: number
  readonly cpuSeconds: number
  readonly cores: number
  readonly load: number
  readonly memoryOctets: number
  readonly freeOctets: number
  readonly timeZone: string
  /** Whether a fleet is shown here. */
  readonly hub: boolean
}

export interface Checked {
  readonly check: {
    readonly ok: boolean
    readonly errors: readonly { code: string; message: string }[]
    readonly warnings: readonly { code: string; message: string }[]
  }
  readonly diff: Readonly<Record<string, unknown>> | null
  readonly replay: Readonly<Record<string, unknown>> | null
}

export interface FleetGateway {
  readonly name: string
  readonly ring: string
  readonly state: 'running' | 'behind' | 'refusing' | 'silent' | 'unseen'
  readonly program: string | null
  /** Serial that its ring should run. */
  readonly wanted: number | null
  readonly active: number | null
  readonly since: string | null
  readonly ready: boolean | null
  readonly problems: readonly string[]
  readonly refused: { readonly code: string; readonly message: string } | null
  readonly probe: { readonly good: string | null; readonly failing: number } | null
  readonly contact: string | null
  readonly clockOffsetMs: number | null
  readonly by: string | null
}

/** A gateway that does not enforce a ban, with the reason. */
export interface FleetGap extends FleetGateway {
  readonly gap: string
}

export interface FleetPage {
  /** Number of the gateways that are selected. */
  readonly total: number
  readonly offset: number
  readonly gateways: readonly FleetGateway[]
}

export interface FleetGapPage extends Pick<FleetPage, 'total' | 'offset'> {
  readonly without: readonly FleetGap[]
}

export interface FleetBan {
  readonly id: string
  /** Number of all. */
  readonly gateways: number
  readonly without: number
}

interface RingShares {
  readonly blocked: number | null
}

export interface FleetRing {
  readonly ring: string
  readonly serial: number | null
  readonly phase: 'soaking' | 'done' | 'halted' | null
  readonly why: string | null
  readonly gateways: number
  readonly running: number
  readonly notReady: number
  readonly shares: RingShares
  readonly before: RingShares
  readonly forecast: {
    readonly lookups: number
    readonly newlyBlocked: number
    readonly newlyAllowed: number
    readonly names: readonly { readonly what: string }[]
  } | null
}

export interface FleetRings {
  readonly nats: { readonly connected: boolean; readonly error: string | null }
  readonly rings: readonly FleetRing[]
}

export interface FleetEvent {
  readonly at: string
  readonly by: string
  readonly what: string
}
