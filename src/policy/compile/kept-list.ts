import { KeptSource } from './kept-source.js'
import type { Snapshot } from '../tables/snapshot.js'
import { allSources } from '../tables/source-table.js'
import {
  isSameOrigin,
  type ListOrigin,
  type ListRequest,
  type ListState
} from '../rules/lists/load-list.js'

/** A list whose names are in the active snapshot. */
export interface KeptList {
  readonly state: ListState
  readonly sources: readonly KeptSource[]
}

/**
 * The version of a list that is active, if there is one: under its id, or under another id with the
 * same files and settings. A list that no rule uses has no names in a snapshot, and needs none.
 */
export function keptList(
  active: Snapshot,
  states: readonly ListState[],
  { id, isUsed }: Pick<ListRequest, 'id' | 'isUsed'>,
  origin: ListOrigin
): KeptList | undefined {
  const state = states.find(one => one.id === id) ?? states.find(one => isSameOrigin(one, origin))
  if (state === undefined) return undefined
  const zone = active.origin.zones.find(({ list }) => list === state.id)
  const now = renamed({ ...state, zone }, id)
  if (!isUsed) return { state: now, sources: [] }
  const summaries = allSources(active.sources).all.filter(
    it => it.kind === 'list' && it.id === state.id
  )
  if (summaries.length !== now.parts.length) return undefined
  // A snapshot has the parts that pass names before all others: see `compile`.
  const order = now.parts.toSorted((a, b) => Number(isPass(b)) - Number(isPass(a)))
  const sources = now.parts.map(
    part => new KeptSource(active, summaries[order.indexOf(part)]!.index, part)
  )
  return { state: now, sources }
}

const isPass = ({ part }: ListState['parts'][number]): boolean => part.effect === 'pass'

function renamed(state: ListState, id: string): ListState {
  if (state.id === id) return state
  const parts = state.parts.map(one => {
    const own = `${id}${one.id.slice(state.id.length)}`
    return { ...one, id: own, title: id, part: { ...one.part, list: id } }
  })
  const reports = state.reports.map(report => ({ ...report, id }))
  return { ...state, id, parts, reports }
}
