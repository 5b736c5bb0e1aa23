import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeFileAtomic } from '../../../base/files/atomic-file.js'
import { failure } from '../../../base/errors/error.js'
import { createParentFolder } from '../../../base/files/parent-folder.js'
import { reasonOf } from '../../../base/errors/reason.js'
import { csvLines } from '../../../analysis/report/output/csv.js'
import { toJson } from '../../../analysis/report/output/json.js'
import { signPack, type PackFiles } from '../../../analysis/evidence/sign-pack.js'
import { probeFindings } from '../../../analysis/evidence/probe-table.js'
import { gatewaysTable } from '../../../analysis/evidence/fleet-tables.js'
import {
  ruleVersions,
  type Gateway,
  type RuleVersion
} from '../../../analysis/evidence/rule-versions.js'
import { silentTimes } from '../../../analysis/evidence/silent-times.js'
import { zip } from '../../../analysis/evidence/zip.js'
import type { Fact, Report, Table } from '../../../analysis/report/report.js'
import { readPrivateKey } from '../../../sources/bundle/signatures.js'
import { listBans } from '../../../analysis/views/bans-list.js'
import { PROBE_FOLDER } from '../../../gateway/probe/journal.js'
import type { LogOptions } from '../../args/log-path.js'
import { withLog } from '../../args/open-log.js'
import { parsePeriod, type PeriodOptions } from '../../args/period.js'
import { loadConfiguredRules } from '../../args/rules.js'
import { checkIds } from '../../args/rule-ids.js'
import { loadSettings } from '../../args/settings.js'
import { chooseTimeZone, type TimeZoneOptions } from '../../args/time-zone.js'
import { EXIT, rejectInput, usageError } from '../../exit.js'
import { printJson, type Io } from '../../io.js'
import { formatCount, formatNumber } from '../../output/format.js'
import { knownRules, missingRules, ruleChanges } from './evidence-rules.js'
import { fleetVerification } from '../log/verify-fleet.js'
import { LOG_FACT } from '../log/verify-log.js'
import type { GatewayVerification } from '../../../lookups/central/verify-fleet.js'
import { makeReport, originOf } from './make-report.js'

/** Rows of each table: an evidence pack leaves nothing out that an auditor would ask for. */
const TOP = 1_000_000
/** The most that an auditor can doubt. */
const NO_CHAIN =
  'Nothing proves that the query log is complete and unaltered: log.queries.chain was not set. The signature proves the pack only.'
/** Rows on the page of a table without a chart. */
const PAGE_ROWS = 50

export interface EvidenceOptions extends LogOptions, PeriodOptions, TimeZoneOptions {
  readonly output?: string
  readonly key?: string
  readonly probes?: string
  /** With a fleet: folder of the public keys of its gateways. */
  readonly keys?: string
  /** Bundles and rules folders that were in force earlier. */
  readonly history?: readonly string[]
  readonly json?: boolean
}

/**
 * `interdict evidence`: everything that shows how a ban was enforced in a period, as a signed folder or ZIP
 * file. Equal inputs and ends of the period give equal octets.
 *
 * @throws InterdictError BUNDLE_KEY, CLI_OUTPUT, ARCHIVE_READ
 */
export async function evidence(ban: string, options: EvidenceOptions, io: Io): Promise<number> {
  const { output, probes, json } = options
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
  const { loaded } = await loadConfiguredRules(config, io)
  if (!loaded.ok) rejectInput(loaded.errors)
  const rules = listBans(loaded.rules, {
    at: until / 1000,
    within: 0,
    network: undefined,
    app: undefined
  })
  const selection = { since, until, timeZone: zone.timeZone }
  const { fleet: folder, keys } = options
  const fleet =
    folder === undefined
      ? undefined
      : await fleetVerification({ fleet: folder, ...(keys !== undefined && { keys }) })
  const { report, changes } = await withLog(options, io, async log => {
    const remarks = await checkIds(log.database, { ban }, selection, options, io)
    const request = { selection, top: TOP, options, io, by: 'app' }
    const main = await makeReport(log, { ...request, question: 'ban', id: ban })
    const bypass = await makeReport(log, { ...request, question: 'bypass', id: undefined })
    const gateways = fleet?.map(({ gateway }) => gateway) ?? [undefined]
    const histories = new Map<Gateway, readonly RuleVersion[]>()
    for (const gateway of gateways)
      histories.set(gateway, await ruleVersions(log.database, { since, until }, gateway))
    const versions = [...histories.values()].flat()
    const known = await knownRules(config, loaded.rules, options.history ?? [], versions)
    const changes = ruleChanges(ban, histories, known)
    // Probes of a fleet are in its gateways' own folders.
    const own = fleet === undefined ? ownProbes(join(config.state.folder, PROBE_FOLDER)) : ''
    const record = probes === undefined ? own : `${own}${readProbes(probes)}`
    const probed = record === '' ? undefined : probeFindings(record, ban, selection)
    const report: Report = {
      ...main,
      tiles: [...(main.tiles ?? []), ...(probed === undefined ? [] : [probed.tile])],
      facts: [
        ...verifiedFacts(main.facts, fleet),
        ['Settings now', settingsDigest(config.file)],
        [
          'To verify this pack',
          'sh verify.sh FOLDER PUBLIC-KEY',
          'with verify.sh and the key from the operator, not from the pack; or python3 verify.py'
        ],
        ['Probes', probed?.summary ?? 'no record: neither `probe` in the settings nor --probes']
      ],
      tables: [
        ...(fleet === undefined ? [] : [gatewaysTable(fleet)]),
        ...main.tables,
        changes.table,
        ...(probed?.tables ?? []),
        ...bypass.tables.map(table => ({
          ...table,
          id: `bypass-${table.id}`,
          title: `Bypass attempts: ${table.title.toLowerCase()}`
        })),
        await silentTimes(log.database, since, until, gateways)
      ],
      remarks: [
        ...zone.remarks,
        ...remarks,
        ...main.remarks,
        ...(config.log.queries.chain === undefined && fleet === undefined ? [NO_CHAIN] : []),
        ...missingRules(versions, known),
        ...(await log.problems())
      ]
    }
    return { report, changes }
  })
  const { toHtml } = await import('../../../analysis/report/output/html.js')
  // The time at which the pack is made would make no two packs equal.
  const origin = { ...(await originOf(options, io)), generated: new Date(until) }
  const files = new Map([
    ['evidence.html', toHtml({ ...report, tables: report.tables.map(forPage) }, origin)],
    ['evidence.json', toJson(report)],
    ['rules.json', `${JSON.stringify(rules, undefined, 2)}\n`],
    ...changes.files,
    ...report.tables.map(({ id, columns, rows }): [string, string] => {
      const head = columns.map(({ key }) => key)
      return [`tables/${id}.csv`, csvLines([head, ...rows], zone.timeZone)]
    })
  ])
  const pack = signPack(files, key)
  write(pack, output)
  const sha256 = createHash('sha256').update(pack.get('SHA256SUMS')!).digest('hex')
  if (json === true) printJson(io, { output, ban, files: pack.size, manifest: sha256 })
  else
    io.stdout.write(
      `Wrote ${formatCount(pack.size, 'file')} to ${output}; SHA-256 of the manifest: ${sha256}\n`
    )
  return EXIT.success
}

/** A table with the rows that a reader of the page needs; programs have them all. */
function forPage(table: Table): Table {
  const { id, rows, chart, description } = table
  if (chart !== undefined || rows.length <= PAGE_ROWS) return table
  const more = `The first ${PAGE_ROWS} of ${formatNumber(rows.length)}; all are in tables/${id}.csv.`
  return { ...table, rows: rows.slice(0, PAGE_ROWS), description: `${description} ${more}` }
}

/** The facts of a report, with the verification of all gateways in place of that of one. */
function verifiedFacts(
  facts: readonly Fact[],
  fleet: readonly GatewayVerification[] | undefined
): readonly Fact[] {
  if (fleet === undefined) return facts
  const proven = fleet.filter(one => one.proven).length
  const text = `${proven} of ${formatCount(fleet.length, 'gateway')} unaltered`
  return facts.map(fact => (fact[0] === LOG_FACT ? [LOG_FACT, text] : fact))
}

function settingsDigest(file: string): string {
  if (!existsSync(file)) return 'none: built-in defaults'
  return `SHA-256 ${createHash('sha256').update(readFileSync(file)).digest('hex')}`
}

/** The rounds that the gateway has recorded; '': none. */
function ownProbes(folder: string): string {
  if (!existsSync(folder)) return ''
  const files = readdirSync(folder).filter(file => file.endsWith('.jsonl'))
  return files
    .sort()
    .map(file => readFileSync(join(folder, file), 'utf8'))
    .join('')
}

function readProbes(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    return usageError(`--probes: ${file}: ${reasonOf(error)}`)
  }
}

/** @throws InterdictError CLI_OUTPUT */
function write(pack: PackFiles, output: string): void {
  try {
    if (output.endsWith('.zip')) {
      writeFileAtomic(output, zip(pack))
      return
    }
    // Other files there would not be in the manifest.
    if (existsSync(output) && readdirSync(output).length > 0)
      throw new Error('the folder is not empty')
    for (const [path, content] of pack) {
      createParentFolder(join(output, path))
      writeFileSync(join(output, path), content)
    }
  } catch (error) {
    throw failure('CLI_OUTPUT', output, reasonOf(error, output))
  }
}
