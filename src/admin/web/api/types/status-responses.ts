/**
 * What the dashboard reads of responses about the gateway and who uses it; docs/reference/openapi.json has all of it. Code for browsers
 * imports nothing of the gateway: test/web/response-types.ts compares these types with the responses.
 */

export type Scope = 'read' | 'operate' | 'policy' | 'devices'

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

/** Something that is not enforced now. */
export interface Deviation {
  readonly kind: string
  readonly subject: string | null
  readonly networks: readonly string[]
  readonly by: string | null
  readonly reason: string | null
  readonly until: string | null
  readonly message: string
}

export interface Status {
  readonly enforcement: {
    readonly against: readonly Deviation[]
    readonly byOrder: readonly Deviation[]
    readonly more: number
  }
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
    /** Saved rules that are not in force; their SHA-256 is null if they have errors. */
    readonly waiting: { since: string; sha256: string | null; errors: number } | null
  }
  /** Null: there are no feeds. */
  readonly bindings: { readonly bindings: number } | null
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
    readonly networks: readonly string[]
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

export interface Change {
  readonly at: string
  readonly by: string | null
  readonly operation: string
  readonly subject: string
  readonly code: string | null
}
