import { dirname } from 'node:path'
import { failure } from '../../../base/errors/error.js'
import { reasonOf } from '../../../base/errors/reason.js'
import { packageVersion } from '../../../base/package.js'
import { systemClock } from '../../../base/time/clock.js'
import { gatewayName } from '../../../gateway/alerts/alerts.js'
import { configuredFiles } from '../../../gateway/compiler/configured-files.js'
import { banReport } from '../../../analysis/report/questions/ban.js'
import { connectionsByClient } from '../../../analysis/report/connections/egress-findings.js'
import { bypass, type ClientSources } from '../../../analysis/report/questions/bypass.js'
import { dnssecReport } from '../../../analysis/report/questions/dnssec.js'
import { newNames, type ListedNames } from '../../../analysis/report/names/new-names.js'
import { domainsOfApps } from '../../../analysis/report/names/same-domain.js'
import { overview } from '../../../analysis/report/questions/overview.js'
import { periodic } from '../../../analysis/report/questions/periodic.js'
import type { Selection } from '../../../analysis/report/questions/selection.js'
import type { Key } from '../../../analysis/report/questions/count-by-key.js'
import type { Origin, Report } from '../../../analysis/report/report.js'
import { MS_PER_SECOND } from '../../../base/units.js'
import type { MandateOrder } from '../../../policy/rules/mandates/mandate-orders.js'
import { readCatalogue, type CatalogueApp } from '../../../policy/rules/apps/catalogue.js'
import { showPattern } from '../../../policy/rules/model/pattern.js'
import type { RuleSet } from '../../../policy/rules/model/types.js'
import { deviceFinder } from '../../args/device-finder.js'
import { logPath, type LogOptions } from '../../args/log-path.js'
import type { OpenLog } from '../../args/open-log.js'
import { reportPeriod } from '../../args/report-period.js'
import { loadConfiguredRules } from '../../args/configured-rules.js'
import { loadSettings, type CommonOptions } from '../../args/settings.js'
import type { Io } from '../../io.js'
import { banDetails } from '../../output/rules/ban-details.js'
import { ruleFacts } from '../../output/rules/collect-rule-facts.js'
import { presentOrders } from './mandates-in-force.js'
import { verificationForReport } from '../log/verify-log.js'

/** Questions to the query log. */
const LOG_QUESTIONS = [
  ...(['daily', 'weekly', 'monthly', 'ban', 'bypass', 'dnssec', 'new-names'] as const)
] as const
/** `egress` is a question to the findings beside it. */
export const QUESTIONS = [...LOG_QUESTIONS, 'egress'] as const
export type Question = (typeof QUESTIONS)[number]
export type LogQuestion = (typeof LOG_QUESTIONS)[number]

const WEEK = 7 * 86_400_000

export interface ReportRequest {
  /** Undefined: lookups counted by a key. */
  readonly question: LogQuestion | undefined
  readonly by: string
  /** Of a ban. */
  readonly id: string | undefined
  readonly selection: Selection
  readonly top: number
  readonly options: LogOptions
  readonly io: Io
}

/** Answers a question to the query log. */
export async function makeReport(log: OpenLog, request: ReportRequest): Promise<Report> {
  const { question, by, id, selection, top, options, io } = request
  const { database } = log
  switch (question) {
    case undefined:
      return overview(database, by as Key, selection, top)
    case 'daily':
    case 'weekly':
    case 'monthly': {
      const { previous, ...period } = reportPeriod(question, selection, selection.timeZone)
      const all = await apps(options)
      const rules = await loadRuleSet(options, io)
      const now = systemClock.wall()
      return periodic(
        database,
        question,
        { ...selection, ...period },
        {
          titles: appTitles(all),
          bypassApps: bypassIds(all),
          rules:
            rules &&
            ruleFacts(rules, Math.min(period.until, now), await orders(rules, options, io)),
          ...{ top, previous, now }
        }
      )
    }
    case 'ban': {
      const rules = await loadRuleSet(options, io)
      const now = systemClock.wall() / MS_PER_SECOND
      const details = rules && banDetails(id!, rules, now, await orders(rules, options, io))
      const proof = await verificationForReport(options)
      return banReport(database, id!, selection, details, top, proof)
    }
    case 'bypass':
      return bypass(
        database,
        selection,
        bypassIds(await apps(options)),
        top,
        await sources(options)
      )
    case 'dnssec':
      return dnssecReport(database, selection, top)
    case 'new-names': {
      const since = selection.since ?? (selection.until ?? Date.now()) - WEEK
      return newNames(database, { ...selection, since }, listedNames(await apps(options)), top)
    }
  }
}

/** Where a page comes from. @param rules that the report is about; undefined: the rules of the settings */
export async function originOf(
  options: CommonOptions,
  io: Io,
  rules?: Origin['rules']
): Promise<Origin> {
  const loaded = rules === undefined ? await loadRuleSet(options, io) : undefined
  return {
    gateway: gatewayName(await loadSettings(options)),
    version: packageVersion(),
    generated: new Date(),
    rules: rules ?? (loaded && { sha256: loaded.sha256, serial: loaded.bundle?.serial ?? null })
  }
}

const known = new WeakMap<CommonOptions, Promise<RuleSet | undefined>>()

/** The rules of the settings, read once for a command; undefined: they have errors. */
export function loadRuleSet(options: CommonOptions, io: Io): Promise<RuleSet | undefined> {
  const loading =
    known.get(options) ??
    loadSettings(options)
      .then(config => loadConfiguredRules(config, io))
      .then(({ loaded }) => (loaded.ok ? loaded.rules : undefined))
  known.set(options, loading)
  return loading
}

/** The orders of the mandates of the settings. */
async function orders(
  rules: RuleSet,
  options: CommonOptions,
  io: Io
): Promise<readonly MandateOrder[]> {
  return presentOrders(rules, await loadSettings(options), io)
}

/** Findings and bindings of a fleet are in the folders of its gateways. */
async function sources(options: LogOptions): Promise<ClientSources> {
  if (options.fleet !== undefined)
    return {
      findDevice: () => Promise.resolve({ status: 'unknown', reason: 'none' }),
      connections: () => Promise.resolve(new Map())
    }
  const folder = dirname(await logPath(options))
  return {
    findDevice: deviceFinder(folder),
    connections: period =>
      connectionsByClient(folder, period).catch((error: unknown) => {
        throw failure('EGRESS_READ', folder, reasonOf(error, folder))
      })
  }
}

/** None where the catalogue cannot be read: reports work without it. */
export async function apps(options: CommonOptions): Promise<readonly CatalogueApp[]> {
  const [files] = (await configuredFiles(await loadSettings(options))).files
  if (files === undefined) return []
  const catalogue = await readCatalogue(files)
  return catalogue.ok ? catalogue.apps : []
}

function appTitles(apps: readonly CatalogueApp[]): ReadonlyMap<string, string> {
  return new Map(apps.map(({ entry }) => [entry.app, entry.title]))
}

export function bypassIds(apps: readonly CatalogueApp[]): readonly string[] {
  return apps.flatMap(({ entry }) => (entry.kind === 'bypass' ? [entry.app] : []))
}

export function listedNames(apps: readonly CatalogueApp[]): ListedNames {
  const names = new Map(
    apps.map(({ entry }) => [
      entry.app,
      new Set(entry.names.map(({ name }) => showPattern(name).replace(/^=/, '')))
    ])
  )
  const isListed = (app: string, name: string): boolean => names.get(app)?.has(name) === true
  return { isListed, domains: domainsOfApps(apps) }
}
