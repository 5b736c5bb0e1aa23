import { dirname } from 'node:path'
import { InterdictError } from '../../../base/errors/error.js'
import { MS_PER_SECOND, type Milliseconds, type Seconds } from '../../../base/units.js'
import type { Config } from '../../../gateway/config/config.js'
import type { BeforeAfter } from '../../../policy/diff/name-groups.js'
import type { Snapshot } from '../../../policy/tables/snapshot.js'
import { Comparison, type ChangeKind } from '../../../analysis/replay/comparison.js'
import { Judge } from '../../../analysis/replay/rule-judge.js'
import { replayLines } from '../../../analysis/replay/replay.js'
import type { RuleSet } from '../../../policy/rules/model/types.js'
import { withLog } from '../../args/open-log.js'
import type { CommonOptions } from '../../args/settings.js'
import type { Io } from '../../io.js'
import type { Forecast, ForecastChange, NoForecast } from '../../output/rules/plan-text.js'

const DAY: Seconds = 86_400

/** Names shown of each kind of change. */
const NAMES = 5

/** Judges the lookups of the last days by both sets of rules, at the time of each lookup. */
export async function forecast(
  rules: BeforeAfter<RuleSet>,
  snapshots: BeforeAfter<Snapshot>,
  {
    config,
    now,
    options,
    days = 1
  }: { config: Config; now: Seconds; options: CommonOptions; days?: number | undefined },
  io: Io
): Promise<Forecast | NoForecast> {
  const { which, path } = config.log.queries
  if (which === 'none') return { why: 'there is no query log (log.queries.which: none)' }
  if (which !== 'all')
    return { why: 'the query log has no lookups that were answered (see log.queries.which)' }
  const since = now - days * DAY
  const at = { at: undefined, now, network: undefined, examples: 0, random }
  const comparison = new Comparison(at)
  const judgeOf = (side: 'before' | 'after'): Judge =>
    new Judge(rules[side], snapshots[side], comparison.names)
  comparison.judgeBy(judgeOf('after'), judgeOf('before'))
  const folder = dirname(path)
  const read = { zone: rules.after.timeZone, now }
  const from: Milliseconds = since * MS_PER_SECOND
  try {
    await withLog(
      { ...options, log: path },
      io,
      ({ database }) => replayLines(folder, push => database.lines(push, from), comparison, read),
      { use: 'once', silent: true }
    )
  } catch (error) {
    if (!(error instanceof InterdictError)) throw error
    return { why: `${error.message} (${error.code})` }
  }
  comparison.close()
  return { since, lookups: comparison.counts.lookups, changes: changesOf(comparison) }
}

function changesOf(comparison: Comparison): Forecast['changes'] {
  const change = (kind: ChangeKind): ForecastChange => {
    const { lookups, names } = comparison.tallies[kind]
    const top = names.slice(0, NAMES).map(({ what, lookups }) => ({ name: what, lookups }))
    return { lookups, clients: comparison.clientsOf(kind).length, names: top }
  }
  const [blocked, allowed] = [change('blocked'), change('allowed')]
  return { blocked, allowed, refused: change('refused'), served: change('served') }
}

function random(): number {
  return Math.floor(Math.random() * 2 ** 32)
}
