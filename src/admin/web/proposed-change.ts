/** A file that a person has chosen: its path in the folder, and its text. */
export interface ChosenFile {
  readonly path: string
  readonly text: string
}

/**
 * Paths in a rules folder. Browsers put the name of the chosen folder before each; single files have none. Files that
 * editors and systems leave behind are not rules.
 */
export function rulesPath(relative: string, name: string): string | undefined {
  const path = relative === '' ? name : relative.slice(relative.indexOf('/') + 1)
  const isHidden = path.split('/').some(part => part.startsWith('.') || part.endsWith('~'))
  return isHidden ? undefined : path
}

/** The files that differ from those in force, by path, as the API takes them. */
export function changedFiles(
  original: ReadonlyMap<string, string | null>,
  edited: ReadonlyMap<string, string>
): Record<string, string> {
  return Object.fromEntries([...edited].filter(([path, text]) => original.get(path) !== text))
}

/** Who is concerned by a change of rules, as `interdict diff --json` has it. */
export interface ChangeView {
  readonly change: string
  readonly names: number
  readonly examples: readonly string[]
  /** Networks, or some of their addresses: `10.20.3.15/32 (phones)`. */
  readonly clients: readonly string[]
  readonly from: string | null
  readonly until: string | null
  /** Weekly hours; null: at any time. */
  readonly hours: string | null
  readonly before: string
  readonly after: string
}

interface RawSide {
  readonly verdict: string
  readonly kind?: string
  readonly rule?: string
}

interface RawPlace {
  readonly old: string | null
  readonly new: string | null
  readonly prefixes: readonly string[] | null
  readonly except?: readonly string[]
}

/** Clients as `interdict diff` names them: a network, or addresses of it. */
function placeOf({ old, new: now, prefixes, except = [] }: RawPlace): string {
  const network = old !== null && now !== null && old !== now ? `${old} → ${now}` : (now ?? old)
  const without = except.length === 0 ? '' : ` − ${except.join(', ')}`
  if (prefixes === null) return `${network ?? '–'}${without}`
  return `${prefixes.join(', ')}${without}${network === null ? '' : ` (${network})`}`
}

export function changesIn(diff: Readonly<Record<string, unknown>>): ChangeView[] {
  const changes = (diff.changes ?? []) as readonly {
    readonly change: string
    readonly names: number
    readonly examples: readonly string[]
    readonly clients: readonly RawPlace[]
    readonly hours: string | null
    readonly from: string | null
    readonly until: string | null
    readonly old: RawSide
    readonly new: RawSide
  }[]
  const side = ({ verdict, rule }: RawSide): string =>
    rule === undefined ? verdict : `${verdict}: ${rule}`
  return changes.map(({ clients, old, new: after, ...rest }) => ({
    ...rest,
    clients: clients.map(placeOf),
    before: side(old),
    after: side(after)
  }))
}

/** What recorded lookups a candidate would decide otherwise, as `interdict replay --json` has it. */
export interface ImpactView {
  readonly kind: string
  readonly lookups: number
  readonly clients: readonly (readonly [string, number])[]
  readonly names: readonly (readonly [string, number])[]
  readonly networks: readonly (readonly [string, number])[]
  /** Of all lookups, if only a sample was judged. */
  readonly estimate?: Estimate
}

interface Estimate {
  readonly lookups: number
  readonly low: number
  readonly high: number
}

interface RawTop {
  readonly top: readonly Readonly<Record<string, unknown>>[]
}

export function impactIn(replay: Readonly<Record<string, unknown>>): ImpactView[] {
  const changes = (replay.changes ?? {}) as Readonly<
    Record<
      string,
      { lookups: number; estimate?: Estimate; clients: RawTop; names: RawTop; networks: RawTop }
    >
  >
  const pairs = ({ top }: RawTop): (readonly [string, number])[] =>
    top.map(row => {
      const values = Object.values(row)
      return [
        values.find(value => typeof value === 'string') ?? '-',
        Number(row.lookups ?? values.find(value => typeof value === 'number') ?? 0)
      ]
    })
  return Object.entries(changes)
    .filter(([, { lookups }]) => lookups > 0)
    .map(([kind, { lookups, estimate, clients, names, networks }]) => ({
      kind,
      lookups,
      ...(estimate && { estimate }),
      clients: pairs(clients),
      names: pairs(names),
      networks: pairs(networks)
    }))
}
