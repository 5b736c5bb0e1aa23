import type { Milliseconds } from '../../../base/units.js'
import { RULE_VERDICTS } from '../../../lookups/event/schema.js'
import { filterConditions } from '../../../lookups/sql/filter-condition.js'
import type { LookupFilters } from '../../../lookups/sql/lookup-filters.js'
import type { Period } from '../log.js'

/** Names of a client in the log (address, prefix, pseudonym), with the period in which they are valid. */
export interface ClientAlias {
  readonly names: readonly string[]
  readonly since?: Milliseconds
  readonly until?: Milliseconds
}

/** Selected clients, and the text that selected them. */
export interface ClientSelection {
  readonly shown: string
  readonly aliases: readonly ClientAlias[]
  /** A prefix: lookups from addresses in it, whatever the names of their clients. */
  readonly within?: string
  /** Whether clients in the log have the name of their gateway before them. */
  readonly ofFleet?: boolean
}

/** A domain name as the log writes it, what it covers, and the text that selected it. */
export interface NameSelection {
  readonly shown: string
  readonly name: string
  readonly cover: keyof typeof NAME_CONDITIONS
}

/** SQL conditions for a name: itself, names below it, or both. */
const NAME_CONDITIONS = {
  exact: 'qname = $name',
  below: "ends_with(qname, '.' || $name)",
  suffix: "(qname = $name OR ends_with(qname, '.' || $name))"
} as const

/** Filters for lookups; all of them have to match. */
export interface Filters extends Period {
  readonly ban?: string | undefined
  readonly app?: string | undefined
  readonly network?: string | undefined
  readonly clients?: ClientSelection | undefined
  /** Of a fleet. */
  readonly gateway?: string | undefined
  readonly name?: NameSelection | undefined
  /** Other filters, by columns that tallies do not have. */
  readonly others?: Omit<LookupFilters, 'client'> | undefined
  /** Include lookups that no rule matched. */
  readonly all?: boolean | undefined
}

/** The lookups of a report. */
export interface Selection extends Filters {
  /** IANA name: days and hours are in this zone. */
  readonly timeZone: string
}

/** An SQL condition and the values of its `$parameters`. */
export interface Condition {
  readonly sql: string
  readonly parameters: Readonly<Record<string, string>>
}

/** A rule of the operator matched. */
const HAS_RULE = `verdict IN (${RULE_VERDICTS.map(verdict => `'${verdict}'`).join(', ')})`

/** Values from the user are bound as parameters, or literals of `filterConditions`. */
export function conditionOf(selection: Filters): Condition {
  const { since, until, ban, app, network, clients, gateway, name, all, others } = selection
  const parameters: Record<string, string> = {}
  const terms: string[] = []
  const add = (term: string, key: string, value: string | undefined): void => {
    if (value === undefined) return
    parameters[key] = value
    terms.push(term)
  }
  if (since !== undefined) terms.push(`time >= ${instant(since)}`)
  if (until !== undefined) terms.push(`time < ${instant(until)}`)
  add('ban = $ban', 'ban', ban)
  add('app = $app', 'app', app)
  add('network = $network', 'network', network)
  add('gateway = $gateway', 'gateway', gateway)
  add(NAME_CONDITIONS[name?.cover ?? 'exact'], 'name', name?.name)
  if (clients !== undefined) terms.push(clientTerm(clients, parameters))
  terms.push(...filterConditions(others ?? {}))
  if (all !== true) terms.push(HAS_RULE)
  return { sql: terms.length === 0 ? 'true' : terms.join(' AND '), parameters }
}

/** @param parameters filled with the bound values */
function clientTerm(
  { aliases: called, ofFleet, within }: ClientSelection,
  parameters: Record<string, string>
): string {
  // See `byDevice`.
  if (within !== undefined) return 'true'
  let count = 0
  const bind = (value: string): string => {
    const key = `client${count++}`
    parameters[key] = value
    return `$${key}`
  }
  const terms = called.flatMap(({ names, since, until }) => {
    if (names.length === 0) return []
    const bound = names.map(bind).join(', ')
    const anywhere = `(client IN (${bound}) OR substr(client, strpos(client, '/') + 1) IN (${bound}))`
    return [
      [
        ofFleet === true ? anywhere : `client IN (${bound})`,
        ...(since === undefined ? [] : [`time >= ${instant(since)}`]),
        ...(until === undefined ? [] : [`time < ${instant(until)}`])
      ].join(' AND ')
    ]
  })
  return terms.length === 0 ? 'false' : `(${terms.map(term => `(${term})`).join(' OR ')})`
}

/** An SQL literal; TIMESTAMP is in UTC here. */
export function instant(at: Milliseconds): string {
  return `TIMESTAMP '${new Date(at).toISOString().slice(0, -1)}'`
}
