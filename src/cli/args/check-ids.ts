import { failure } from '../../base/errors/error.js'
import type { Config } from '../../gateway/config/config.js'
import type { Log, Period } from '../../analysis/report/log.js'
import { sourceOf } from '../../analysis/report/questions/lookup-source.js'
import type { Filters } from '../../analysis/report/questions/selection.js'
import type { RuleSet } from '../../policy/rules/model/types.js'
import { didYouMean } from '../../policy/yaml/closest.js'
import type { Io } from '../io.js'
import { loadConfiguredRules } from './configured-rules.js'
import { loadSettings, type CommonOptions } from './settings.js'

/** Kinds of ids that lookups can be selected by. */
const KINDS = ['ban', 'app', 'network', 'list'] as const
type Kind = (typeof KINDS)[number]

/** Ids given on the command line. */
export type RequestedIds = Readonly<Partial<Record<Kind, string | undefined>>>

/**
 * Rejects ids that neither the log nor the rules contain: a misspelt id would select no lookup, which
 * a reader takes for proof.
 *
 * @param period of the report: other lookups are read only if neither these nor the rules have an id
 * @returns remarks for the report, where the rules cannot be read
 * @throws InterdictError REPORT_NO_ID
 */
export async function checkIds(
  log: Log,
  ids: RequestedIds,
  period: Period,
  options: CommonOptions,
  io: Io
): Promise<readonly string[]> {
  const remarks: string[] = []
  for (const kind of KINDS) {
    const id = ids[kind]
    if (id === undefined || (await isInLog(log, kind, id, period))) continue
    const { loaded } = await loadConfiguredRules(await loadSettings(options), io)
    const known = loaded.ok ? idsIn(loaded.rules, kind) : []
    if (known.includes(id) || (await isInLog(log, kind, id))) continue
    if (loaded.ok) throw failure('REPORT_NO_ID', kind, id, await hint(log, kind, id, known))
    remarks.push(`The log has no ${kind} ${id}; the rules could not be read to check it.`)
  }
  return remarks
}

/**
 * Remarks on ids that the rules do not contain: with a misspelt id, `tail` would wait forever. None
 * where the rules cannot be read, since logs can be read without rules.
 */
export async function unknownIdRemarks(
  ids: Readonly<Partial<Record<Kind, readonly string[] | undefined>>>,
  config: Config,
  io: Io
): Promise<readonly string[]> {
  if (KINDS.every(kind => ids[kind] === undefined)) return []
  const { loaded } = await loadConfiguredRules(config, io)
  if (!loaded.ok) return []
  return KINDS.flatMap(kind => {
    const known = idsIn(loaded.rules, kind)
    const unknown = (ids[kind] ?? []).filter(id => !known.includes(id))
    return unknown.map(id => `the rules have no ${kind} ${id}${didYouMean(id, known)}`)
  })
}

async function isInLog(log: Log, kind: Kind, id: string, { since, until }: Period = {}) {
  const { from, sql, parameters } = sourceOf(
    log,
    { since, until, ...onlyId(kind, id), all: true },
    'client'
  )
  return (await log.rows(`SELECT 1 FROM ${from} WHERE ${sql} LIMIT 1`, parameters)).length > 0
}

const onlyId = (kind: Kind, id: string): Filters =>
  kind === 'list' ? { others: { list: [id] } } : { [kind]: id }

async function hint(log: Log, kind: Kind, id: string, known: readonly string[]): Promise<string> {
  // Tallies do not have lists.
  const { from } = sourceOf(log, { all: true }, kind === 'list' ? undefined : 'client')
  const rows = await log.rows<{ id: string }>(
    `SELECT DISTINCT ${kind} AS id FROM ${from} WHERE ${kind} IS NOT NULL ORDER BY id`
  )
  return didYouMean(id, [...known, ...rows.map(row => row.id)])
}

function idsIn({ networks, sources }: RuleSet, kind: Kind): string[] {
  if (kind === 'network') return networks.map(({ id }) => id)
  if (kind === 'app' || kind === 'list')
    return sources.flatMap(source => (source.kind === kind ? [source.id] : []))
  return networks.flatMap(({ rules }) => rules.flatMap(it => (it.kind === 'ban' ? [it.id] : [])))
}
