import type { Log, Period } from '../report/log.js'
import { sourceOf } from '../report/questions/source.js'

/** A gateway of a fleet; undefined: the log is that of one gateway. */
export type Gateway = string | undefined

/** Rules that decided lookups, in a stretch without other rules in between. */
export interface RuleVersion {
  /** First digits of the SHA-256 of all rule files. */
  readonly sha256: string
  /** Serial of the bundle; null: the rules came from a folder. */
  readonly serial: number | null
  /** First and last logged lookup that they decided. */
  readonly first: Date
  readonly last: Date
}

/** The rules in force over a period, oldest first; those that decided no logged lookup are not known to the log. */
export async function ruleVersions(
  log: Log,
  period: Period,
  gateway: Gateway
): Promise<readonly RuleVersion[]> {
  const { from, sql, parameters } = sourceOf(log, { ...period, gateway }, 'name')
  const found = await log.rows<RuleVersion & Record<string, string | number | Date | null>>(
    `SELECT sha256, serial, min(first) AS first, max(last) AS last
    FROM ${from} WHERE sha256 IS NOT NULL AND ${sql}
    GROUP BY sha256, serial, generation, date_trunc('day', first)
    ORDER BY first, last, sha256, serial`,
    parameters
  )
  const versions: RuleVersion[] = []
  for (const one of found) {
    const before = versions.at(-1)
    if (before?.sha256 !== one.sha256 || before.serial !== one.serial) versions.push(one)
    else if (one.last > before.last) versions[versions.length - 1] = { ...before, last: one.last }
  }
  return versions
}
