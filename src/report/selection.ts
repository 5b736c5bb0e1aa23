import type { Milliseconds } from '../base/units.js'

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

/** Which lookups are asked about. All that is given has to hold. */
export interface Selection {
  /** The first instant that belongs to it, and the first that does not any more. */
  readonly since?: Milliseconds | undefined
  readonly until?: Milliseconds | undefined
  readonly ban?: string | undefined
  readonly app?: string | undefined
  readonly network?: string | undefined
  readonly clients?: Clients | undefined
  /** A domain name as the log writes it: itself and all below it. */
  readonly name?: string | undefined
  /** Also lookups of which no rule spoke. */
  readonly all?: boolean | undefined
}

/** A condition in SQL, and what stands for its `$names`. */
export interface Condition {
  readonly sql: string
  readonly parameters: Readonly<Record<string, string>>
}

/** Verdicts that a rule of the operator decided. */
export const RULED = "verdict IN ('blocked', 'monitored', 'allowed')"

/** Nothing that was given becomes a part of the SQL: it is bound to it. */
export function conditionOf(selection: Selection): Condition {
  const { since, until, ban, app, network, clients, name, all } = selection
  const parameters: Record<string, string> = {}
  const terms: string[] = []
  const add = (term: string, key: string, value: string | undefined): void => {
    if (value === undefined) return
    parameters[key] = value
    terms.push(term)
  }
  add('time >= $since::TIMESTAMP', 'since', instant(since))
  add('time < $until::TIMESTAMP', 'until', instant(until))
  add('ban = $ban', 'ban', ban)
  add('app = $app', 'app', app)
  add('network = $network', 'network', network)
  add("(qname = $name OR ends_with(qname, '.' || $name))", 'name', name)
  if (clients !== undefined) terms.push(calledTerm(clients, parameters))
  if (all !== true) terms.push(RULED)
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
    const from = instant(since)
    const to = instant(until)
    return [
      [
        `client IN (${names.map(bind).join(', ')})`,
        ...(from === undefined ? [] : [`time >= ${bind(from)}::TIMESTAMP`]),
        ...(to === undefined ? [] : [`time < ${bind(to)}::TIMESTAMP`])
      ].join(' AND ')
    ]
  })
  return terms.length === 0 ? 'false' : `(${terms.map(term => `(${term})`).join(' OR ')})`
}

/** As TIMESTAMP reads it, which is in UTC here. */
export function instant(at: Milliseconds | undefined): string | undefined {
  return at === undefined ? undefined : new Date(at).toISOString().slice(0, -1)
}
