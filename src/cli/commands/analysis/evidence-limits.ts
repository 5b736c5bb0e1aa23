import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { MS_PER_SECOND, type Milliseconds } from '../../../base/units.js'
import type { Config } from '../../../gateway/config/config.js'
import { bannedNamesFile } from '../../../gateway/compiler/banned-names-file.js'
import type { Completeness } from '../../../analysis/evidence/judged.js'
import type { Segment } from '../../../analysis/evidence/rule-segments.js'
import { formatValue } from '../../../analysis/report/output/format-value.js'
import type { Fact } from '../../../analysis/report/report.js'

/** The most that an auditor can doubt. */
export const NO_CHAIN =
  'Nothing proves that the query log is complete and unaltered: log.queries.chain was not set. The signature proves the pack only.'
export const NOT_OVER =
  'The period was not over when this pack was made: it shows what is known so far. Make another one after its end.'

const WITNESSED =
  'that nobody, not even somebody who controls the gateway and its keys, has rewritten the files of its log after a witness confirmed them'
const REWRITABLE =
  'what was logged between two confirmations, see Query log; and that the gateway converted files faithfully'
const NO_WITNESS =
  'that the log was not rewritten later by somebody who controls the gateway and its keys: no witness has confirmed it (log.queries.witness)'

/** What a pack proves, and what it does not, in words for its reader. */
export function provenFacts(isWitnessed: boolean): readonly Fact[] {
  return [
    [
      'What this proves',
      'that the holder of the key signed these lookups, rules and figures, and nobody has altered them since',
      'that every figure follows from the lookups and the rest of this pack: verify.py counts them again',
      ...(isWitnessed ? [WITNESSED] : [])
    ],
    [
      'What it does not prove',
      'that the log itself is complete: anyone who controls the gateway and its keys can omit lookups before they leave it',
      isWitnessed ? REWRITABLE : NO_WITNESS,
      'that clients had no way around the gateway, and what they did over other networks'
    ]
  ]
}

/** Times after the last lookup, of which only the history of rules tells. */
export function recordedRemarks(
  segments: readonly Segment[],
  end: Milliseconds,
  show: (at: Milliseconds) => string
): string[] {
  return segments.flatMap(({ from, until, gateway, ...what }) => {
    if (until < end || what.kind !== 'rules' || what.isRecorded !== true) return []
    const where = gateway === undefined ? '' : `${gateway}: `
    return [
      `${where}From ${show(from)} nothing was logged. Which rules were in force is known from the history of rules alone, which has the end of a crashed gateway only after its next start.`
    ]
  })
}

/** Since when the log has lookups of banned names whatever the verdict. */
export function loggedSince(config: Config, isFleet: boolean, timeZone: string): Completeness {
  const { which } = config.log.queries
  if (which !== 'bans' && which !== 'all') {
    return {
      since: Infinity,
      text: `Only blocked lookups are logged (log.queries.which: ${which}). How many lookups were answered instead cannot be known.`
    }
  }
  if (isFleet) {
    return {
      since: -Infinity,
      text: `Lookups of banned names, whatever became of them, as these settings say (log.queries.which: ${which}). The central log does not tell whether each gateway has had this setting all the time.`
    }
  }
  const since = recordedSince(bannedNamesFile(config.state.folder))
  if (since === undefined) {
    return {
      since: Infinity,
      text: `The gateway has not recorded since when lookups are logged whatever becomes of them (log.queries.which: ${which}), so how many were answered cannot be known.`
    }
  }
  const at = formatValue(new Date(since), 'time', timeZone)
  return {
    since,
    text: `Lookups of banned names, whatever became of them, since ${at}. Before that, how many were answered is not known.`
  }
}

function recordedSince(path: string): Milliseconds | undefined {
  try {
    const { since } = JSON.parse(readFileSync(path, 'utf8')) as { since?: number | null }
    return typeof since === 'number' ? since * MS_PER_SECOND : undefined
  } catch {
    return undefined
  }
}

/** SHA-256 of the settings file, for a page. */
export function settingsDigest(file: string): string {
  if (!existsSync(file)) return 'none: built-in defaults'
  return `SHA-256 ${createHash('sha256').update(readFileSync(file)).digest('hex')}`
}
