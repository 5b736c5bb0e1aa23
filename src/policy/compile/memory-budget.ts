import type { AvailableMemory } from '../../base/system/available-memory.js'
import { collectGarbage } from '../../base/threads/heap.js'
import type { Octets } from '../../base/units.js'
import { KeptSource } from './kept-source.js'
import { entryWords } from '../tables/entries.js'
import { slotBits } from '../tables/name-table.js'
import type { NameSource } from '../rules/model/types.js'
import type { Snapshot } from '../tables/snapshot.js'

const MB: Octets = 1024 * 1024
/** For everything that does not grow with the number of names: threads, and the history of rules. */
const MARGIN: Octets = 16 * MB
/** At the start, threads are yet to be started: 15 MB for each worker, and the recorder. */
const START_MARGIN: Octets = 48 * MB
/**
 * Memory for each octet of a list, measured with lists of 0.1 to 5 million names (`npm run bench:memory`): while it is
 * read, its text and its packed names; of new tables, the names; at the start, all of these.
 */
const PER_OCTET = { read: 2.5, tables: 2.5, start: 4.5 } as const
/** The octets of text in an octet of gzip: lists of names have 3 to 5. */
const GZIP_RATIO = 5

/** A list that a reload reads. */
export interface ReadListSize {
  /** Of all its files. */
  readonly octets: Octets
  /** What the active rules were compiled from; 0: they do not have it. */
  readonly before: Octets
}

/** The size of a list's text, by its files. */
export function textSize(files: Iterable<readonly [path: string, octets: Octets]>): Octets {
  let sum = 0
  for (const [path, octets] of files) sum += path.endsWith('.gz') ? GZIP_RATIO * octets : octets
  return sum
}

/** The parameters of RULES_MEMORY: needed and available MB, and the limit. */
export type Shortage = readonly [needed: number, available: number, limit: string]

/**
 * Tells whether there is enough memory to compile rules: otherwise the kernel would end the whole gateway. Figures are
 * estimated before lists are read, and known before new tables are filled.
 */
export class MemoryBudget {
  /** @param available undefined: not known, then nothing is refused */
  constructor(private readonly available: () => AvailableMemory | undefined) {}

  /**
   * Before lists are read. While the active rules answer, the new tables are filled beside them.
   *
   * @param active undefined: at the start
   */
  checkLists(lists: readonly ReadListSize[], active: Snapshot | undefined): Shortage | undefined {
    const sum = lists.reduce((octets, list) => octets + list.octets, 0)
    if (active === undefined) return this.check(PER_OCTET.start * sum + START_MARGIN)
    const growth = lists.reduce((octets, list) => octets + list.octets - list.before, 0)
    const tables = active.octets + PER_OCTET.tables * Math.max(0, growth)
    return this.check(tables + PER_OCTET.read * sum + MARGIN)
  }

  /** Before new tables are filled. */
  checkTables(sources: readonly NameSource[]): Shortage | undefined {
    return this.check(tableSize(sources) + MARGIN)
  }

  private check(needed: Octets): Shortage | undefined {
    if (needed <= (this.available()?.octets ?? Infinity)) return undefined
    // Replaced rules may not have been freed yet.
    collectGarbage()
    const left = this.available()
    if (left === undefined || needed <= left.octets) return undefined
    return [Math.ceil(needed / MB), Math.floor(left.octets / MB), left.limit]
  }
}

/** The memory that the tables of these sources will use. Names that are in several sources count more than once. */
export function tableSize(sources: readonly NameSource[]): Octets {
  const kept = sources.find(source => source instanceof KeptSource)?.snapshot
  const written = sources.filter(source => !(source instanceof KeptSource))
  const names = written.reduce((sum, { bounds }) => sum + bounds.names, 0)
  const octets = written.reduce((sum, { bounds }) => sum + bounds.octets, 0)
  const slots = 8 * 2 ** slotBits(names + (kept?.counts.names ?? 0))
  return octets + 4 * names * entryWords(4) + slots + 4 * (kept?.names.entries.used ?? 0)
}
