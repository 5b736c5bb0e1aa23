import type { PassTable, SourceSummary } from './source-table.js'

export function buildPassTable(sources: readonly SourceSummary[]): PassTable {
  const known = new Map<string, number>()
  let size = 0
  // Only lists, and the names of bans with `except`, have more than one source.
  const numberOf = ({ kind }: SourceSummary, key: string): number => {
    const isShared = kind === 'list' || kind === 'inline'
    const number = (isShared ? known.get(`${kind} ${key}`) : undefined) ?? size++
    if (isShared) known.set(`${kind} ${key}`, number)
    return number
  }
  const lists = Int32Array.from(sources, source => numberOf(source, source.id))
  const rankOf = Int32Array.from(sources, source =>
    numberOf(source, `${source.id}\n${source.triggerRank}`)
  )
  return {
    listOf: lists.map((list, source) => (sources[source]!.isPass ? -1 : list)),
    rankOf,
    addedBy: lists.map((list, source) => (sources[source]!.isPass ? list : rankOf[source]!)),
    size
  }
}
