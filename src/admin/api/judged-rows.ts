import * as z from 'zod'

const rows = z.array(z.unknown())
/** `interdict replay` has the first rows of each table; a forecast has names, and only counts clients. */
const table = z.union([rows, z.looseObject({ top: rows }).transform(({ top }) => top)]).catch([])
const judged = z.looseObject({
  changes: z.record(z.string(), z.looseObject({ clients: table, names: table }))
})

/** Clients and names that a replay of recorded lookups lists, or a forecast; 0: it has none. */
export function judgedRows(replay: unknown): number {
  const { data } = judged.safeParse(replay)
  return Object.values(data?.changes ?? {}).reduce(
    (sum, { clients, names }) => sum + clients.length + names.length,
    0
  )
}
