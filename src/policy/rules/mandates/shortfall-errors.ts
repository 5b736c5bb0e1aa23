import { failureAt, type InterdictError } from '../../../base/errors/error.js'
import type { Term } from '../model/types.js'
import { ALL_NAMES, type Shortfall } from './shortfall.js'

/** The maximum number of names, networks and prefixes that a message lists. */
const MAX_LISTED = 5

/** An error, and the time in which it applies. */
export interface ShortfallError extends Term {
  readonly error: InterdictError
  /** Id of the mandate. */
  readonly mandate: string
}

/** One error for all shortfalls with the same cause, in however many networks. */
export function shortfallErrors(shortfalls: readonly Shortfall[]): ShortfallError[] {
  const groups = new Map<string, Shortfall[]>()
  for (const one of shortfalls) {
    const { mandate, ban, target, clients, names, from, until, hours, why } = one
    const key = JSON.stringify([mandate, ban, target, clients, names, from, until, hours, why])
    const known = groups.get(key)
    if (known === undefined) groups.set(key, [one])
    else known.push(one)
  }
  return [...groups.values()].map(group => {
    const { position, id, target, names, clients, from, until, why } = group[0]!
    const some = names.includes(ALL_NAMES) || names.includes(target)
    const what = some ? target : `${target} (${listed(names)})`
    const who = clients.length === 0 ? '' : `, clients ${listed(clients)}`
    const where = `${listed(group.map(one => one.where))}${who}`
    const error = failureAt(position, 'MANDATE_UNMET', id, what, where, why)
    return { error, mandate: id, from, until }
  })
}

function listed(texts: readonly string[]): string {
  const more = texts.length - MAX_LISTED
  const shown = texts.slice(0, MAX_LISTED).join(', ')
  return more > 0 ? `${shown} and ${more} more` : shown
}
