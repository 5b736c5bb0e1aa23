/** What the dashboard reads of responses about groups of lookups: see log-responses.ts. */

export interface GroupSums {
  readonly lookups: number
  readonly blocked: number
  readonly clients: number
  readonly names: number
  readonly first: string | null
  readonly last: string | null
  readonly counts: readonly number[]
}

export interface LookupGroups {
  readonly since: string
  readonly until: string
  readonly start: string
  readonly width: number
  readonly all: GroupSums & { readonly blockedCounts: readonly number[] }
  readonly groups: readonly (GroupSums & { readonly key: string })[]
  readonly without: number
  readonly privacy: readonly string[]
}

export interface ComparedHours {
  readonly needed: number
  readonly hours: readonly {
    readonly at: string
    readonly lookups: number
    readonly weeks: number
    readonly mean: number | null
    readonly spread: number | null
    readonly unusual: 'more' | 'fewer' | null
  }[]
}

export interface EffectDay {
  readonly at: string
  readonly answered: number | null
  readonly blocked: number | null
}

export interface BanEffect {
  readonly from: string | null
  readonly entries: number
  readonly more: boolean
  readonly before: readonly EffectDay[]
  readonly after: readonly EffectDay[]
  readonly weekdays: readonly {
    readonly weekday: number
    readonly before: number | null
    readonly answered: number | null
    readonly blocked: number | null
  }[]
}
