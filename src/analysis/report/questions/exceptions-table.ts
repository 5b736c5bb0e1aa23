import { column, type Table } from '../report.js'

/** How often an exception was used in a network. */
export interface UsedException {
  readonly exception: string
  readonly network: string
  readonly lookups: number
  readonly clients: number
  readonly last: Date
}

/**
 * The exceptions to a ban: those that were used, in this order, then those that were not.
 *
 * @param approvals of the exceptions in the rules, by id; undefined: the rules are not known
 */
export function exceptionsTable(
  used: readonly UsedException[],
  approvals: ReadonlyMap<string, string> = new Map()
): Table {
  const ids = new Set(used.map(({ exception }) => exception))
  const unused = [...approvals].filter(([id]) => !ids.has(id))
  return {
    id: 'exceptions',
    title: 'Exceptions',
    description: 'Exceptions to the ban, who approved them, and how often they were used.',
    emptyText: 'No exceptions defined or used.',
    columns: [
      column('exception', 'text'),
      column('network', 'text'),
      column('approval', 'text'),
      column('lookups', 'count'),
      column('clients', 'count'),
      column('last', 'time')
    ],
    rows: [
      ...used.map(({ exception, network, lookups, clients, last }) => {
        return [exception, network, approvals.get(exception) ?? null, lookups, clients, last]
      }),
      ...unused.map(([id, approval]) => [id, null, approval, 0, 0, null])
    ]
  }
}
