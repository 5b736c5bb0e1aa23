import type { PassTable, SourceSummary } from './source-table.js'

export function buildPassTable(sources: readonly SourceSummary[]): PassTable {
  const known = new Map<string, number>()
  const numberOf = (key: string): number => {
    const number = known.get(key) ?? known.size
    known.set(key, number)
    return number
  }
  const lists = Int32Array.from(sources, ({ kind, id }) => numberOf(`${kind} ${id}`))
  const stageOf = Int32Array.from(sources, ({ kind, id, stage }) =>
    numberOf(`${kind} ${id}\n${stage}`)
  )
  return {
    listOf: lists.map((list, source) => (sources[source]!.isPass ? -1 : list)),
    stageOf,
    addedBy: lists.map((list, source) => (sources[source]!.isPass ? list : stageOf[source]!)),
    size: known.size
  }
}
