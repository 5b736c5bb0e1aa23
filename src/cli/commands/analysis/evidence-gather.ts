import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { reasonOf } from '../../../base/errors/reason.js'
import { MS_PER_SECOND, type Milliseconds } from '../../../base/units.js'
import type { Config } from '../../../gateway/config/config.js'
import { PROBE_FOLDER } from '../../../gateway/probe/journal.js'
import { textsOf } from '../../../gateway/compiler/former-bans.js'
import { coveredLookups, loggedPatterns } from '../../../analysis/evidence/covered-lookups.js'
import { enforcementTables } from '../../../analysis/evidence/enforcement-tables.js'
import { enforcementTiles } from '../../../analysis/evidence/enforcement-tiles.js'
import { EnforcementTally } from '../../../analysis/evidence/enforcement-tally.js'
import { Enforcement, versionKey } from '../../../analysis/evidence/enforcement.js'
import { gatewaysTable, type FleetGateway } from '../../../analysis/evidence/fleet-tables.js'
import { mandateFindings } from '../../../analysis/evidence/mandate-findings.js'
import { probeFindings } from '../../../analysis/evidence/probe-table.js'
import {
  ruleSegments,
  type Segment,
  type Version
} from '../../../analysis/evidence/rule-segments.js'
import { ruleVersions } from '../../../analysis/evidence/rule-versions.js'
import { silentTimes, loggedTimes } from '../../../analysis/evidence/silent-times.js'
import { withoutLog } from '../../../analysis/evidence/unlogged-days.js'
import { pauseTile, unenforced, unenforcedTable } from '../../../analysis/evidence/unenforced.js'
import { StoredFileWriter, type StoredFile } from '../../../analysis/evidence/stored-file.js'
import { clientRemarks } from '../../../analysis/report/questions/client-remarks.js'
import { bypass } from '../../../analysis/report/questions/bypass.js'
import { bypassGroups } from '../../../analysis/report/questions/bypass-lookups.js'
import { networkDays } from '../../../analysis/report/questions/quiet-networks.js'
import { formatValue } from '../../../analysis/report/output/format-value.js'
import type { Fact, Report } from '../../../analysis/report/report.js'
import type { NameSource, RuleSet } from '../../../policy/rules/model/types.js'
import { listBans } from '../../../analysis/views/bans-list.js'
import { logPath, type LogOptions } from '../../args/log-path.js'
import { withLog } from '../../args/open-log.js'
import { type PeriodOptions } from '../../args/period-options.js'
import { checkIds } from '../../args/check-ids.js'
import { loadConfiguredRules } from '../../args/configured-rules.js'
import { type TimeZoneOptions } from '../../args/time-zone.js'
import { rejectInput, usageError } from '../../exit.js'
import { type Io } from '../../io.js'
import { banDetails } from '../../output/rules/ban-details.js'
import { formatCount } from '../../output/format.js'
import {
  enforcementJson,
  proofFiles,
  ruleTextFiles,
  jsonLines,
  timesJson,
  unenforcedJson
} from './evidence-files.js'
import {
  egressByVersion,
  egressFiles,
  egressTables,
  egressTile,
  observedEgress
} from './evidence-egress.js'
import { deviceFinder } from '../../args/device-finder.js'
import { rejectUnread } from './egress-report.js'
import { banSubject } from './ban-subject.js'
import { catalogueJson, catalogueTable, datedNames } from './evidence-catalogue.js'
import { dnssecJson, dnssecRules, dnssecTables } from './evidence-dnssec.js'
import {
  activationsOf,
  ruleHistory,
  storedHistories,
  type KnownVersion
} from './evidence-history.js'
import { fleetGateways, NO_INVENTORY, readInventory, unknownFacts } from './evidence-gateways.js'
import {
  loggedSince,
  NO_CHAIN,
  NOT_OVER,
  provenFacts,
  recordedRemarks,
  settingsDigest
} from './evidence-limits.js'
import { logProof } from './evidence-log.js'
import { presentOrders } from './mandates-in-force.js'
import { mandatesOf } from './evidence-mandates.js'
import { missingRules, ruleChanges } from './evidence-rules.js'
import { banSources, banStates, exceptedPatterns } from './evidence-states.js'
import { pauseRemarks, unenforcedFacts } from './evidence-unenforced.js'
import { apps, bypassIds } from './make-report.js'
import type { FleetWitnessOptions } from '../log/verify-fleet.js'
import { LOG_FACT, verificationAsFact, verifyConfiguredLog } from '../log/verify-log.js'

/** Rows of each table: an evidence pack leaves nothing out that an auditor would ask for. */
const TOP = 1_000_000
export interface EvidenceOptions
  extends LogOptions, PeriodOptions, TimeZoneOptions, FleetWitnessOptions {
  readonly output?: string
  readonly key?: string
  readonly probes?: string
  /** Bundles and rules folders that were in force earlier. */
  readonly history?: readonly string[]
  /** Output of `interdict fleet status --gateways --json`. */
  readonly inventory?: string
  readonly json?: boolean
}

export interface Ordered {
  readonly config: Config
  readonly since: Milliseconds
  readonly until: Milliseconds
  readonly zone: { readonly timeZone: string; readonly remarks: readonly string[] }
  readonly now: Milliseconds
}

/** What a file of the pack has. */
export type PackContent = string | Uint8Array | StoredFile

/** The page, and what it is made of. @param folder for files that are larger than the memory */
export async function gatherEvidence(
  ban: string,
  { config, since, until, zone, now }: Ordered,
  options: EvidenceOptions,
  io: Io,
  folder: string
): Promise<{ report: Report; files: [string, PackContent][] }> {
  const { probes, fleet: fleetFolder } = options
  if (options.inventory !== undefined && fleetFolder === undefined)
    usageError('evidence: --inventory needs --fleet')
  const inventory = options.inventory === undefined ? undefined : readInventory(options.inventory)
  const { loaded, files: current } = await loadConfiguredRules(config, io)
  if (!loaded.ok || current === undefined) rejectInput(loaded.ok ? [] : loaded.errors)
  const { timeZone } = zone
  const selection = { since, until, timeZone }
  const end = Math.max(since, Math.min(until, now))
  const period = { since, until: end }
  const fleet =
    fleetFolder === undefined
      ? undefined
      : await fleetGateways({ ...options, fleet: fleetFolder }, inventory, period, timeZone)
  const proof = fleet === undefined ? await logProof(await logPath(options)) : undefined
  return withLog(options, io, async log => {
    const { database } = log
    const remarks = await checkIds(database, { ban }, selection, options, io)
    const ids = bypassIds(await apps(options))
    const attempts = await bypass(database, selection, ids, TOP)
    const gateways = fleet?.map(({ verification }) => verification.gateway) ?? [undefined]
    const stored = await storedHistories(config, fleetFolder, gateways)
    const timed: Segment[] = []
    for (const gateway of gateways) {
      const activations = activationsOf(stored.get(gateway))
      const segments = await ruleSegments(database, period, gateway, activations)
      const { unlogged, why } =
        fleet?.find(one => one.verification.gateway === gateway) ?? NOTHING_UNKNOWN
      timed.push(...withoutLog(segments, unlogged, why ?? ''))
    }
    const versions = timed.flatMap(versionsOf)
    const history = await ruleHistory(config, current, options.history ?? [], stored, versions)
    const known = new Map<string, KnownVersion>()
    for (const version of versions) {
      const found = history.find(version)
      if (found !== undefined) known.set(versionKey(version), found)
    }
    const states = new Map(
      [...known].map(([key, { rules }]) => [key, banStates(ban, rules, since, end)])
    )
    const dnssec = new Map([...known].map(([key, { rules }]) => [key, dnssecRules(rules)]))
    const egress = egressByVersion(known)
    const dated = new Map([...known].map(([key, { rules }]) => [key, datedNames(ban, rules)]))
    const path = fleet === undefined ? await logPath(options) : undefined
    // Findings of a fleet are in its gateways' own folders.
    const observed =
      path === undefined
        ? undefined
        : await observedEgress(
            path,
            period,
            banSubject(
              ban,
              [loaded, ...known.values()].flatMap(({ rules }) => banSources(ban, rules))
            ),
            deviceFinder(dirname(path))
          ).catch((error: unknown) => rejectUnread(dirname(path), error))
    const present = Object.keys(banStates(ban, loaded.rules, since, end))
    const missing = proof?.missing ?? []
    const enforcement = new Enforcement(ban, period, timed, states, missing, present)
    const completeness = loggedSince(config, fleet !== undefined, timeZone)
    const tally = new EnforcementTally(enforcement, timeZone, completeness.since)
    const ruleSets = [loaded.rules, ...[...known.values()].map(({ rules }) => rules)]
    const patterns = new Set(
      ruleSets.flatMap(rules => banSources(ban, rules).filter(isListed).flatMap(textsOf))
    )
    for (const pattern of await loggedPatterns(database, period, ban)) patterns.add(pattern)
    const except = exceptedPatterns(ban, ruleSets)
    const lookups = new StoredFileWriter(join(folder, 'lookups.jsonl'))
    await coveredLookups(database, period, ban, [...patterns].sort(), except, lookup => {
      tally.add(lookup)
      lookups.write(lookup.line)
    })
    const wide = { ...selection, all: true }
    const bypassing = await bypassGroups(database, wide, ids)
    const days = await networkDays(database, wide)
    const times = await loggedTimes(database, since, end, gateways)
    const orders = await presentOrders(loaded.rules, config, io)
    const facts = banDetails(ban, loaded.rules, end / MS_PER_SECOND, orders)
    const verified = await verifyConfiguredLog(options)
    const confirmed =
      fleet?.map(one => one.verification) ?? (typeof verified === 'string' ? [] : [verified])
    const isWitnessed =
      confirmed.length > 0 && confirmed.every(({ witness }) => witness.last !== undefined)
    const judged = { enforcement, tally, facts, completeness, timeZone }
    const rulesOf = (version: Version): RuleSet | undefined => history.find(version)?.rules
    const recorded = { log: database, stored, segments: timed }
    const open = await unenforcedFacts(ban, period, recorded, rulesOf, { config, loaded })
    const unforced = unenforced(judged, open)
    const paused = pauseTile(unforced)
    const histories = new Map(
      gateways.map(gateway => [
        gateway,
        ruleVersions(timed.filter(segment => segment.gateway === gateway))
      ])
    )
    const changes = ruleChanges(ban, histories, rulesOf)
    // Probes of a fleet are in its gateways' own folders.
    const own = fleet === undefined ? ownProbes(join(config.state.folder, PROBE_FOLDER)) : ''
    const record = probes === undefined ? own : `${own}${readProbes(probes)}`
    const probed = record === '' ? undefined : probeFindings(record, ban, selection)
    const kept = await mandatesOf(config, fleetFolder, gateways)
    const ordered = kept.some(({ mandates }) => mandates.length > 0)
      ? mandateFindings(
          kept.map(({ gateway, mandates }) => {
            const segments = timed.filter(segment => segment.gateway === gateway)
            return { gateway, mandates, segments }
          }),
          period,
          rulesOf
        )
      : undefined
    const at = (time: Milliseconds): string => formatValue(new Date(time), 'time', timeZone)
    const isOpen = until > now
    const report: Report = {
      title: isOpen
        ? `Evidence for the ban ${ban}: preliminary, the period ends ${at(until)}`
        : `Evidence for the ban ${ban}`,
      timeZone,
      tiles: [
        ...enforcementTiles(judged, paused.note),
        paused.tile,
        ...(ordered === undefined ? [] : [ordered.tile]),
        ...(probed === undefined ? [] : [probed.tile]),
        ...(observed === undefined ? [] : [egressTile(observed)])
      ],
      facts: [
        ...facts.facts,
        ['Period', `${at(since)} to ${at(until)}${isOpen ? '; not over yet' : ''}`],
        ['Time zone', timeZone],
        ['What is logged', completeness.text],
        ...(ordered?.facts ?? []),
        ...verifiedFacts([verificationAsFact(verified)], fleet),
        ...unknownFacts(fleet ?? []),
        ...provenFacts(isWitnessed),
        ['Settings now', settingsDigest(config.file)],
        [
          'To verify this pack',
          `sh verify.sh FOLDER PUBLIC-KEY${isWitnessed && fleet === undefined ? ' TSA-CA' : ''}`,
          'with verify.sh and the key from the operator, not from the pack; python3 verify.py also counts again'
        ],
        ['Probes', probed?.summary ?? 'no record: neither `probe` in the settings nor --probes']
      ],
      tables: [
        ...(fleet === undefined ? [] : [gatewaysTable(fleet)]),
        unenforcedTable(unforced, gateways),
        ...enforcementTables(judged),
        changes.table,
        catalogueTable(dated),
        ...dnssecTables(dnssec, timed, gateways, end),
        ...(observed === undefined ? [] : egressTables(egress, timed, gateways, observed)),
        ...(ordered === undefined ? [] : [ordered.table]),
        ...(probed?.tables ?? []),
        ...attempts.tables.map(table => ({
          ...table,
          id: `bypass-${table.id}`,
          title: `Bypass attempts: ${table.title.toLowerCase()}`
        })),
        silentTimes(since, end, times)
      ],
      remarks: [
        ...(isOpen ? [NOT_OVER] : []),
        ...(completeness.since <= since ? [] : [completeness.text]),
        ...zone.remarks,
        ...remarks,
        ...(fleet === undefined ? [] : [NO_CONNECTIONS]),
        ...(fleet !== undefined && inventory === undefined ? [NO_INVENTORY] : []),
        ...kept.flatMap(one => one.remarks),
        ...(config.log.queries.chain === undefined && fleet === undefined ? [NO_CHAIN] : []),
        ...recordedRemarks(timed, end, at),
        ...pauseRemarks(stored, since, at),
        ...(await clientRemarks(database, { since, until, ban, all: true })),
        ...missingRules([...histories.values()].flat(), rulesOf),
        ...(await log.problems())
      ]
    }
    const query = { at: until / 1000, within: 0, network: undefined, app: undefined }
    const files: [string, PackContent][] = [
      ['rules.json', `${JSON.stringify(listBans(loaded.rules, query), undefined, 2)}\n`],
      ['lookups.jsonl', lookups.finish()],
      ['bypass.jsonl', jsonLines(bypassing)],
      ['network-days.jsonl', jsonLines(days)],
      ['log/times.jsonl', timesJson(times)],
      ['enforcement.json', enforcementJson(judged, gateways, until)],
      ...(inventory === undefined ? [] : [['inventory.json', inventory.text] as [string, string]]),
      ['not-enforced.json', unenforcedJson(open)],
      ['catalogue.json', catalogueJson(dated)],
      ['dnssec.json', dnssecJson(dnssec)],
      ...(observed === undefined ? [] : egressFiles(egress, observed)),
      ...(record === '' ? [] : [['probes.jsonl', record] as [string, string]]),
      ...changes.files,
      ...ruleTextFiles([history.current, ...known.values()]),
      ...(ordered?.files.map(([path, content]): [string, PackContent] => [path, content]) ?? []),
      ...proofFiles(proof)
    ]
    return { report, files }
  })
}

const NO_CONNECTIONS =
  'Connections that bypass a ban by address are not in this pack: each gateway has its own findings, and its own pack has them.'

const NOTHING_UNKNOWN = { unlogged: [], why: null }

const versionsOf = (segment: Segment): readonly Version[] =>
  segment.kind === 'rules' ? [segment.version] : []

/** A list's pass entries are not banned. */
function isListed({ part }: NameSource): boolean {
  return part?.effect !== 'pass' && part?.effect !== 'encloser'
}

/** The facts of a report, with the verification of all gateways in place of that of one. */
function verifiedFacts(
  facts: readonly Fact[],
  fleet: readonly FleetGateway[] | undefined
): readonly Fact[] {
  if (fleet === undefined) return facts
  const results = fleet.map(one => one.verification)
  const proven = results.filter(one => one.proven).length
  const witnessed = results.filter(({ witness }) => witness.last !== undefined).length
  const texts = [
    `${proven} of ${formatCount(fleet.length, 'gateway')} unaltered`,
    `${witnessed} of ${formatCount(fleet.length, 'gateway')} confirmed by a witness: see Gateways`
  ]
  return facts.map(fact => (fact[0] === LOG_FACT ? [LOG_FACT, ...texts] : fact))
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
