import { failure } from '../../base/error.js'
import type { Config } from '../../config/config.js'
import type { Log } from '../../report/log.js'
import { sourceOf } from '../../report/questions/source.js'
import type { RuleSet } from '../../rules/model/types.js'
import { didYouMean } from '../../yaml/closest.js'
import type { Io } from '../io.js'
import { readRules } from './read-rules.js'
import { settings, type CommonOptions } from './settings.js'

/** Of what lookups can be asked about by id. */
const KINDS = ['ban', 'app', 'network'] as const
type Kind = (typeof KINDS)[number]

/** Ids that were given. */
export type GivenIds = Readonly<Partial<Record<Kind, string | undefined>>>

/**
 * A misspelt id would be answered with "no lookup", which is taken for proof: where neither the log
 * has it nor the rules, it is an error.
 *
 * @returns what a reader must know where there are no rules to look into
 * @throws InterdictError REPORT_NO_ID
 */
export async function checkIds(
  log: Log,
  ids: GivenIds,
  options: CommonOptions,
  io: Io
): Promise<readonly string[]> {
  const remarks: string[] = []
  for (const kind of KINDS) {
    const id = ids[kind]
    if (id === undefined || (await isInLog(log, kind, id))) continue
    const { loaded } = await readRules(await settings(options), io)
    const known = loaded.ok ? idsIn(loaded.rules, kind) : []
    if (known.includes(id)) continue
    if (loaded.ok) throw failure('REPORT_NO_ID', kind, id, await hint(log, kind, id, known))
    remarks.push(`The log has no ${kind} ${id}, and there are no rules that could be read for one.`)
  }
  return remarks
}

/**
 * Tells of ids that no rule has: who misspells one would wait in vain. Nothing where the rules cannot
 * be read, for logs are read without them.
 */
export async function remarkIds(
  ids: Readonly<Partial<Record<Kind, readonly string[] | undefined>>>,
  config: Config,
  io: Io
): Promise<readonly string[]> {
  if (KINDS.every(kind => ids[kind] === undefined)) return []
  const { loaded } = await readRules(config, io)
  if (!loaded.ok) return []
  return KINDS.flatMap(kind => {
    const known = idsIn(loaded.rules, kind)
    const unknown = (ids[kind] ?? []).filter(id => !known.includes(id))
    return unknown.map(id => `the rules have no ${kind} ${id}${didYouMean(id, known)}`)
  })
}

async function isInLog(log: Log, kind: Kind, id: string): Promise<boolean> {
  const { from, sql, parameters } = sourceOf(log, { [kind]: id, all: true }, 'client')
  return (await log.rows(`SELECT 1 FROM ${from} WHERE ${sql} LIMIT 1`, parameters)).length > 0
}

async function hint(log: Log, kind: Kind, id: string, known: readonly string[]): Promise<string> {
  const { from } = sourceOf(log, { all: true }, 'client')
  const rows = await log.rows<{ id: string }>(
    `SELECT DISTINCT ${kind} AS id FROM ${from} WHERE ${kind} IS NOT NULL ORDER BY id`
  )
  return didYouMean(id, [...known, ...rows.map(row => row.id)])
}

function idsIn({ networks, sources }: RuleSet, kind: Kind): string[] {
  if (kind === 'network') return networks.map(({ id }) => id)
  if (kind === 'app') return sources.flatMap(source => (source.kind === 'app' ? [source.id] : []))
  return networks.flatMap(({ rules }) => rules.flatMap(it => (it.kind === 'ban' ? [it.id] : [])))
}
