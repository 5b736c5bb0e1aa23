import type { Milliseconds } from '../../base/units.js'
import type { RemoteList } from '../../rules/lists/remote-list.js'
import type { TransferList } from '../../rules/lists/transfer-list.js'
import type { RulesResult } from '../../rules/load.js'
import { healthOf, standingOf, type ZoneStanding } from '../../sources/axfr/standing.js'
import type { ZoneCopies } from '../../sources/axfr/zone-copies.js'
import type { ZoneRecord } from '../../sources/axfr/zone-record.js'
import type { Copies, CopyRecord } from '../../sources/http/copies.js'

/** A list as `interdict lists --json` has it; public. Instants are RFC 3339. */
export interface ListView {
  readonly id: string
  /** A URL, the name of a zone, or files. */
  readonly source: string
  /** Names and addresses, repeated ones counted again; those in force. */
  readonly entries: number
  /**
   * `local`    it is a file or a folder
   * `good`     the last time that it was looked for, it could be had
   * `held`     what came last is much shorter, and waits for somebody to confirm it
   * `failing`  it could not be had, and the copy of before is in force
   * `missing`  it could not be had yet: rules on it hold for no name
   * `expired`  no primary has confirmed it for as long as its SOA says; it is in force
   */
  readonly state: 'local' | 'good' | 'held' | 'failing' | 'missing' | 'expired'
  /** When the copy came; null: there is none, or it is no list that is fetched. */
  readonly fetched: string | null
  readonly tried: string | null
  /** In a row. */
  readonly failures: number
  readonly held: { readonly entries: number; readonly fetched: string } | null
  readonly trouble: { readonly code: string; readonly message: string } | null
  /** Of a list that is a zone of a primary, once it was transferred. */
  readonly zone: ZoneStanding | null
}

/** Where copies are, and what time it is by the calendar. */
interface Where {
  readonly copies: Copies
  readonly zones: ZoneCopies
  readonly now: Milliseconds
}

type Loaded = Extract<RulesResult, { readonly ok: true }>

/** All lists of the rules, by id. */
export async function viewLists(
  { lists, remotes, transfers }: Loaded,
  { copies, zones, now }: Where
): Promise<readonly ListView[]> {
  const fetched = await Promise.all(
    remotes.map(async list =>
      remoteView(list, await copies.record(list.id), entriesOf(lists, list.id))
    )
  )
  const transferred = await Promise.all(
    transfers.map(async list => {
      const record = await zones.record(list.id, list.zone)
      return zoneView(list, record, entriesOf(lists, list.id), now)
    })
  )
  const known = new Set([...remotes, ...transfers].map(({ id }) => id))
  const local = [...new Set(lists.map(({ id }) => id))].filter(id => !known.has(id))
  const views = [...fetched, ...transferred, ...local.map(id => localView(id, lists))]
  return views.sort((a, b) => (a.id < b.id ? -1 : 1))
}

function entriesOf(lists: Loaded['lists'], id: string): number {
  const own = lists.filter(list => list.id === id)
  return own.reduce((sum, { names }) => sum + names, 0)
}

function localView(id: string, lists: Loaded['lists']): ListView {
  const source = lists.flatMap(list => (list.id === id ? [list.shown] : [])).join(', ')
  const entries = entriesOf(lists, id)
  const nothing = { fetched: null, tried: null, failures: 0, held: null, trouble: null, zone: null }
  return { id, source, entries, state: 'local', ...nothing }
}

function remoteView(
  { id, url: source }: RemoteList,
  { copy, held, tried, failures, trouble }: CopyRecord,
  entries: number
): ListView {
  return {
    id,
    source,
    entries,
    state:
      copy === undefined
        ? 'missing'
        : failures > 0
          ? 'failing'
          : held === undefined
            ? 'good'
            : 'held',
    fetched: copy?.fetched ?? null,
    tried: tried === '' ? null : tried,
    failures,
    held: held === undefined ? null : { entries: held.entries, fetched: held.fetched },
    trouble: trouble ?? null,
    zone: null
  }
}

function zoneView(
  { id, zone: source, hasCopy }: TransferList,
  record: ZoneRecord,
  entries: number,
  now: Milliseconds
): ListView {
  const { copy, tried, failures, trouble } = record
  const common = { id, source, entries, held: null, trouble: trouble ?? null, failures }
  const times = { tried: tried === '' ? null : tried, fetched: copy?.taken ?? null }
  const state = hasCopy ? healthOf(record, now) : 'missing'
  const zone = hasCopy ? (standingOf(record, now) ?? null) : null
  return { ...common, ...times, state, zone }
}
