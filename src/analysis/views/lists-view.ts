import type { Milliseconds } from '../../base/units.js'
import type { ListState as LoadedListState } from '../../policy/rules/lists/load-list.js'
import type { RemoteList } from '../../policy/rules/lists/remote-list.js'
import type { TransferList } from '../../policy/rules/lists/transfer-list.js'
import type { RulesResult } from '../../policy/rules/load.js'
import type { ZoneCopies } from '../../sources/axfr/zone-copies.js'
import type { ZoneRecord } from '../../sources/axfr/zone-record.js'
import { zoneHealth, zoneCopyStatus, type ZoneCopyStatus } from '../../sources/axfr/zone-status.js'
import type { ListCopies, CopyRecord } from '../../sources/http/list-copies.js'

/** A list as `interdict lists --json` has it; public. Instants are RFC 3339. */
export interface ListView {
  readonly id: string
  /** A URL, the name of a zone, or files. */
  readonly source: string
  /** Names and addresses in force; duplicates are counted. */
  readonly entries: number
  /** How long reading and compiling it took, by this command; null: nothing was read, or from a bundle. */
  readonly compileMs: Milliseconds | null
  /**
   * `local`        a file or folder
   * `good`         the last download or refresh succeeded
   * `quarantined`  the last download is much shorter, and awaits confirmation
   * `failing`      the last download failed; the previous copy is in force
   * `missing`      never downloaded: rules on the list match nothing
   * `expired`      no primary has confirmed the zone for the expire time of its SOA; still in force
   */
  readonly state: 'local' | 'good' | 'quarantined' | 'failing' | 'missing' | 'expired'
  /** When the copy was downloaded; null without a copy, and for local lists. */
  readonly fetched: string | null
  readonly tried: string | null
  /** Consecutive failures. */
  readonly failures: number
  readonly quarantined: { readonly entries: number; readonly fetched: string } | null
  readonly error: { readonly code: string; readonly message: string } | null
  /** Of a transferred zone. */
  readonly zone: ZoneCopyStatus | null
}

/** The copies of lists and zones, and the current time. */
interface ListState {
  readonly copies: ListCopies
  readonly zones: ZoneCopies
  readonly now: Milliseconds
}

type Loaded = Pick<
  Extract<RulesResult, { readonly ok: true }>,
  'lists' | 'remotes' | 'transfers'
> & { readonly listStates: readonly Pick<LoadedListState, 'id' | 'duration'>[] }

/** All lists of the rules, by id. */
export async function viewLists(
  { lists, remotes, transfers, listStates }: Loaded,
  { copies, zones, now }: ListState
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
  return views
    .map(view => {
      const state = listStates.find(({ id }) => id === view.id)
      return { ...view, compileMs: state === undefined ? null : Math.round(state.duration) }
    })
    .sort((a, b) => (a.id < b.id ? -1 : 1))
}

function entriesOf(lists: Loaded['lists'], id: string): number {
  const own = lists.filter(list => list.id === id)
  return own.reduce((sum, { names }) => sum + names, 0)
}

type View = Omit<ListView, 'compileMs'>

function localView(id: string, lists: Loaded['lists']): View {
  const source = lists.flatMap(list => (list.id === id ? [list.displayName] : [])).join(', ')
  const entries = entriesOf(lists, id)
  const never = {
    fetched: null,
    tried: null,
    failures: 0,
    quarantined: null,
    error: null,
    zone: null
  }
  return { id, source, entries, state: 'local', ...never }
}

function remoteView(
  { id, url: source }: RemoteList,
  { copy, held, tried, failures, trouble }: CopyRecord,
  entries: number
): View {
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
            : 'quarantined',
    fetched: copy?.fetched ?? null,
    tried: tried === '' ? null : tried,
    failures,
    quarantined: held === undefined ? null : { entries: held.entries, fetched: held.fetched },
    error: trouble ?? null,
    zone: null
  }
}

function zoneView(
  { id, zone: source, hasCopy }: TransferList,
  record: ZoneRecord,
  entries: number,
  now: Milliseconds
): View {
  const { copy, tried, failures, trouble } = record
  const common = { id, source, entries, quarantined: null, error: trouble ?? null, failures }
  const times = { tried: tried === '' ? null : tried, fetched: copy?.taken ?? null }
  const state = hasCopy ? zoneHealth(record, now) : 'missing'
  const zone = hasCopy ? (zoneCopyStatus(record, now) ?? null) : null
  return { ...common, ...times, state, zone }
}
