/** What the dashboard reads of findings: see log-responses.ts. */

export interface Mute {
  readonly id: string
  readonly reason: string
  readonly by: string
  readonly until: string
}

export interface Tunnel {
  readonly client: string | null
  readonly network: string | null
  readonly domain: string
  readonly lookups: number
  readonly blocked: number
  readonly names: number
  readonly namesPerMinute: number
  readonly octetsPerMinute: number
  readonly meanLength: number
  readonly longest: number
  readonly entropy: number
  readonly types: readonly { readonly type: string; readonly lookups: number }[]
  readonly first: string
  readonly last: string
  readonly signals: readonly ('types' | 'rate' | 'octets' | 'entropy' | 'length')[]
  readonly samples: readonly string[]
  readonly mute: Mute | null
}

export interface FreshDomain {
  readonly domain: string
  readonly lookups: number
  readonly clients: number
  readonly first: string
  readonly last: string
  readonly client: string | null
  readonly mute: Mute | null
}

export interface Findings {
  readonly since: string
  readonly until: string
  readonly known: boolean
  readonly tunnels: readonly Tunnel[]
  readonly newDomains: {
    readonly known: boolean
    readonly more: boolean
    readonly items: readonly FreshDomain[]
  }
}
