import type { Milliseconds } from '../../base/units.js'
import { RULE_VERDICTS } from '../../querylog/record/schema.js'
import type { Period } from '../log.js'

/** What clients are called in the log: at all times, or within one. */
export interface Called {
  readonly names: readonly string[]
  readonly since?: Milliseconds
  readonly until?: Milliseconds
}

/** Clients, and how they were asked for. */
export interface Clients {
  readonly shown: string
  readonly called: readonly Called[]
}

/** A domain name as the log writes it, what it stands for, and how it was asked for. */
export interface Names {
  readonly shown: string
  readonly name: string
  readonly cover: keyof typeof COVERS
}

/** In SQL, what a name stands for: itself, all below it, or both. */
const COVERS = {
  exact: 'qname = $name',
  below: "ends_with(qname, '.' || $name)",
  suffix: "(qname = $name OR ends_with(qname, '.' || $name))"
} as const

/** Which lookups are asked about. All that is given has to hold. */
export interface Selection extends Period {
  readonly ban?: string | undefined
  readonly app?: string | undefined
  readonly network?: string | undefined
  readonly clients?: Clients | undefined
  readonly name?: Names | undefined
  /** Also lookups of which no rule spoke. */
  readonly all?: boolean | undefined
}

/** A condition in SQL, and what stands for its `$names`. */
export interface Condition {
  readonly sql: string
  readonly parameters: Readonly<Record<string, string>>
}

/** On which a rule of the operator spoke. */
const IS_RULED = `verdict IN (${RULE_VERDICTS.map(verdict => `'${verdict}'`).join(', ')})`

/** No text that was given becomes a part of the SQL: it is bound to it. */
export function conditionOf(selection: Selection): Condition {
  const { since, until, ban, app, network, clients, name, all } = selection
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
  add(COVERS[name?.cover ?? 'exact'], 'name', name?.name)
  if (clients !== undefined) terms.push(calledTerm(clients, parameters))
  if (all !== true) terms.push(IS_RULED)
  return { sql: terms.length === 0 ? 'true' : terms.join(' AND '), parameters }
}

/** @param parameters gets what the names are bound to */
function calledTerm({ called }: Clients, parameters: Record<string, string>): string {
  let bound = 0
  const bind = (value: string): string => {
    const key = `client${bound++}`
    parameters[key] = value
    return `$${key}`
  }
  const terms = called.flatMap(({ names, since, until }) => {
    if (names.length === 0) return []
    return [
      [
        `client IN (${names.map(bind).join(', ')})`,
        ...(since === undefined ? [] : [`time >= ${instant(since)}`]),
        ...(until === undefined ? [] : [`time < ${instant(until)}`])
      ].join(' AND ')
    ]
  })
  return terms.length === 0 ? 'false' : `(${terms.map(term => `(${term})`).join(' OR ')})`
}

/** In SQL: a TIMESTAMP is in UTC here. */
export function instant(at: Milliseconds): string {
  return `TIMESTAMP '${new Date(at).toISOString().slice(0, -1)}'`
}
