import type { Log } from '../log.js'
import { formatValue } from '../output/format-value.js'
import { sourceOf } from './lookup-source.js'
import type { Filters } from './selection.js'

/** As the recorder writes them: see `ClientField`. */
const PREFIX = String.raw`[0-9a-f]*[.:][0-9a-f.:]*/\d{1,3}`
const PSEUDONYM = '[0-9a-f]{8}|[0-9a-f]{16}|[0-9a-f]{32}'

/** A client with half of all blocked lookups, of so many and among so many clients, is worth a look. */
const MOST_OF = 0.5
const LEAST_BLOCKED = 1_000
const LEAST_CLIENTS = 5

interface Found {
  readonly prefixes: boolean | null
  readonly pseudonyms: boolean | null
  readonly clients: number
  readonly blocked: number | null
  readonly most: number | null
  readonly busiest: string | null
  readonly [column: string]: string | number | boolean | null
}

/**
 * What one needs to know of the clients that a report counts: whether they are devices or what privacy puts in their
 * place, and whether a single one makes most of the figures.
 */
export async function clientRemarks(log: Log, selection: Filters): Promise<string[]> {
  // Who has chosen the clients knows them.
  if (selection.clients !== undefined) return []
  const { from, sql, parameters } = sourceOf(log, selection, 'client')
  const [found] = await log.rows<Found>(
    `SELECT bool_or(regexp_full_match(own, '${PREFIX}')) AS prefixes,
      bool_or(regexp_full_match(own, '${PSEUDONYM}')) AS pseudonyms,
      count(*) AS clients, sum(blocked)::BIGINT AS blocked,
      max(blocked)::BIGINT AS most, arg_max(client, blocked) AS busiest
    FROM (SELECT client, any_value(${log.clientKey}) AS own,
        coalesce(sum(n) FILTER (verdict = 'blocked'), 0) AS blocked
      FROM ${from} WHERE ${sql} AND client IS NOT NULL GROUP BY client)`,
    parameters
  )
  return found === undefined ? [] : [...kindRemarks(found), ...busiestRemark(found)]
}

function kindRemarks({ prefixes, pseudonyms }: Found): string[] {
  return [
    ...(prefixes === true
      ? ['Clients are prefixes of addresses here: all devices in a prefix count as one client.']
      : []),
    ...(pseudonyms === true
      ? [
          'Clients are pseudonyms of a day or month here: a device counts once for each of these periods.'
        ]
      : [])
  ]
}

function busiestRemark({ clients, blocked, most, busiest }: Found): string[] {
  if (blocked === null || most === null || busiest === null) return []
  const share = most / blocked
  if (blocked < LEAST_BLOCKED || clients < LEAST_CLIENTS || share < MOST_OF) return []
  return [`The client ${busiest} has ${formatValue(share, 'share', 'UTC')} of all blocked lookups.`]
}
