import { readFileSync } from 'node:fs'
import { run } from './system.js'

/** What all packages say of themselves. */
export interface PackageInfo {
  readonly version: string
  /** SOURCE_DATE_EPOCH: the time of the last commit, in seconds. All times in packages are this one. */
  readonly epoch: number
  /** Name and mail address; INTERDICT_MAINTAINER. */
  readonly maintainer: string
  /** Compresses weakly, for tests. */
  readonly isFast: boolean
}

export function packageInfo(env: NodeJS.ProcessEnv, isFast: boolean): PackageInfo {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
  const epoch = env.SOURCE_DATE_EPOCH ?? run('git', ['log', '-1', '--format=%ct']).trim()
  const maintainer = env.INTERDICT_MAINTAINER ?? 'Interdict project <packages@interdict.invalid>'
  return { version, epoch: Number(epoch), maintainer, isFast }
}

/** The first paragraph: what `apt show` and `rpm -qi` print. */
export const SUMMARY = {
  interdict: 'policy-implementing DNS resolver for network gateways',
  'interdict-analysis': 'reports and log archives of the DNS resolver Interdict'
} as const

export const DESCRIPTION = {
  interdict: `Interdict answers queries for banned apps according to the network or device
that asks, forwards the rest, caches, reloads rule files while it runs, and
logs blocked lookups. Bans have an authority, dates and exceptions.
It includes the Node.js release that it was tested with.`,
  'interdict-analysis': `Adds to the package interdict what reports, the archive of the query log and
charts need: DuckDB and ECharts. A gateway that sends its log elsewhere does
without.`
} as const

export type PackageName = keyof typeof SUMMARY
