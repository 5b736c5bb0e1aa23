import { createHash } from 'node:crypto'
import { systemClock } from '../../../base/time/clock.js'
import type { Milliseconds } from '../../../base/units.js'
import { signPack } from '../../../analysis/evidence/sign-pack.js'
import { csvLines } from '../../../analysis/report/output/csv.js'
import { toJson } from '../../../analysis/report/output/json.js'
import type { Origin, Report, Table } from '../../../analysis/report/report.js'
import { readPrivateKey } from '../../../sources/bundle/signatures.js'
import { parsePeriod } from '../../args/period-options.js'
import { loadSettings } from '../../args/settings.js'
import { chooseTimeZone } from '../../args/time-zone.js'
import { EXIT, usageError } from '../../exit.js'
import { printJson, type Io } from '../../io.js'
import { formatCount, formatNumber } from '../../output/format.js'
import {
  gatherEvidence,
  type EvidenceOptions,
  type Ordered,
  type PackContent
} from './evidence-gather.js'
import { withOutput } from './evidence-output.js'
import { settingsDigest } from './evidence-limits.js'
import { originOf } from './make-report.js'

/** Rows on the page of a table without a chart. */
const PAGE_ROWS = 50

/**
 * `interdict evidence`: everything that shows how a ban was enforced in a period, as a signed folder or ZIP
 * file. Equal inputs and ends of the period give equal octets, but for the page and `pack.json`, which have the time
 * at which they were made.
 *
 * @throws InterdictError BUNDLE_KEY, CLI_OUTPUT, ARCHIVE_READ
 */
export async function evidence(ban: string, options: EvidenceOptions, io: Io): Promise<number> {
  const { output, json } = options
  const zone = await chooseTimeZone(options)
  const { since, until } = parsePeriod(options, zone.timeZone)
  const config = await loadSettings(options)
  const keyFile = options.key ?? config.log.queries.chain?.signKey
  if (since === undefined || until === undefined || output === undefined || keyFile === undefined) {
    const needed = { '--since': since, '--until': until, '--output': output, '--key': keyFile }
    const missing = Object.entries(needed).flatMap(([option, value]) =>
      value === undefined ? [option] : []
    )
    return usageError(
      `evidence: give ${missing.join(', ')}; only --key has a default: log.queries.chain.sign-key`
    )
  }
  const key = await readPrivateKey(keyFile)
  const now = systemClock.wall()
  const ordered = { config, since, until, zone, now }
  const pack = await withOutput(output, async folder => {
    const { report, files } = await gatherEvidence(ban, ordered, options, io, folder)
    return signPack(await packFiles(ban, ordered, report, files, options, io), key)
  })
  const manifest = pack.get('SHA256SUMS') as Uint8Array
  const sha256 = createHash('sha256').update(manifest).digest('hex')
  if (json === true) printJson(io, { output, ban, files: pack.size, manifest: sha256 })
  else
    io.stdout.write(
      `Wrote ${formatCount(pack.size, 'file')} to ${output}; SHA-256 of the manifest: ${sha256}\n`
    )
  return EXIT.success
}

/** All files of a pack that are signed: the page, its tables, and what they are made of. */
async function packFiles(
  ban: string,
  { config, since, until, zone, now }: Ordered,
  report: Report,
  files: readonly [string, PackContent][],
  options: EvidenceOptions,
  io: Io
): Promise<ReadonlyMap<string, PackContent>> {
  const { toHtml } = await import('../../../analysis/report/output/html.js')
  const origin = { ...(await originOf(options, io)), generated: new Date(now) }
  const about: PackFacts = {
    ...{
      v: 1,
      ban,
      since: iso(since),
      until: iso(until),
      generated: iso(now),
      ended: until <= now
    },
    ...{ gateway: origin.gateway, version: origin.version, rules: origin.rules },
    settings: settingsDigest(config.file)
  }
  return new Map<string, PackContent>([
    ['evidence.html', toHtml({ ...report, tables: report.tables.map(forPage) }, origin)],
    ['evidence.json', toJson(report)],
    ['pack.json', `${JSON.stringify(about, undefined, 2)}\n`],
    ...files,
    ...report.tables.map(({ id, columns, rows }): [string, string] => {
      const head = columns.map(({ key }) => key)
      return [`tables/${id}.csv`, csvLines([head, ...rows], zone.timeZone)]
    })
  ])
}

/** Which gateway made the pack, when, and about what: `pack.json`. */
interface PackFacts {
  readonly v: 1
  readonly ban: string
  readonly since: string
  readonly until: string
  /** When the pack was made, by the clock of the machine. */
  readonly generated: string
  /** Whether the period had ended then. */
  readonly ended: boolean
  readonly gateway: string
  readonly version: string
  readonly rules: Origin['rules']
  readonly settings: string
}

const iso = (at: Milliseconds): string => new Date(at).toISOString()

/** A table with the rows that a reader of the page needs; programs have them all. */
function forPage(table: Table): Table {
  const { id, rows, chart, description } = table
  if (chart !== undefined || rows.length <= PAGE_ROWS) return table
  const more = `The first ${PAGE_ROWS} of ${formatNumber(rows.length)}; all are in tables/${id}.csv.`
  return { ...table, rows: rows.slice(0, PAGE_ROWS), description: `${description} ${more}` }
}
