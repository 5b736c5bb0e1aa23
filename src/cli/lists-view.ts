import type { Copies, CopyRecord } from '../remote/copies.js'
import type { RulesResult } from '../rules/load.js'
import type { RemoteList } from '../rules/remote-list.js'

/** A list as `interdict lists --json` has it; public. Instants are RFC 3339. */
export interface ListView {
  readonly id: string
  /** A URL, or files. */
  readonly source: string
  /** Names and addresses, repeated ones counted again; those in force. */
  readonly entries: number
  /**
   * `local`    it is a file or a folder
   * `good`     the last time that it was looked for, it could be had
   * `held`     what came last is much shorter, and waits for somebody to confirm it
   * `failing`  it could not be had, and the copy of before is in force
   * `missing`  it could not be had yet: rules on it hold for no name
   */
  readonly state: 'local' | 'good' | 'held' | 'failing' | 'missing'
  /** When the copy came; null: there is none, or it is no list that is fetched. */
  readonly fetched: string | null
  readonly tried: string | null
  /** In a row. */
  readonly failures: number
  readonly held: { readonly entries: number; readonly fetched: string } | null
  readonly trouble: { readonly code: string; readonly message: string } | null
}

type Loaded = Extract<RulesResult, { readonly ok: true }>

/** All lists of the rules, by id. */
export async function viewLists(
  { lists, remotes }: Loaded,
  copies: Copies
): Promise<readonly ListView[]> {
  const fetched = await Promise.all(
    remotes.map(async list =>
      remoteView(list, await copies.record(list.id), entriesOf(lists, list.id))
    )
  )
  const known = new Set(remotes.map(({ id }) => id))
  const local = [...new Set(lists.map(({ id }) => id))].filter(id => !known.has(id))
  const views = [...fetched, ...local.map(id => localView(id, lists))]
  return views.sort((a, b) => (a.id < b.id ? -1 : 1))
}

function entriesOf(lists: Loaded['lists'], id: string): number {
  const own = lists.filter(list => list.id === id)
  return own.reduce((sum, { names }) => sum + names, 0)
}

function localView(id: string, lists: Loaded['lists']): ListView {
  const source = lists.flatMap(list => (list.id === id ? [list.shown] : [])).join(', ')
  const entries = entriesOf(lists, id)
  const nothing = { fetched: null, tried: null, failures: 0, held: null, trouble: null }
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
    trouble: trouble ?? null
  }
}
