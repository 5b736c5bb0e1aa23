import { newNames } from '../../../analysis/report/names/new-names.js'
import { failure } from '../../../base/errors/error.js'
import { MS_PER_SECOND } from '../../../base/units.js'
import { addAppName, type AcceptedName } from '../../../policy/edit/edit-app.js'
import { readCatalogue, type CatalogueApp } from '../../../policy/rules/apps/catalogue.js'
import {
  isCopyOfCatalogue,
  readCatalogueInForce
} from '../../../policy/rules/apps/catalogue-in-force.js'
import type { RulesFolder } from '../../../policy/rules/model/folder.js'
import { readPattern, showPattern } from '../../../policy/rules/model/pattern.js'
import { didYouMean } from '../../../policy/yaml/closest.js'
import type { LogOptions } from '../../args/log-path.js'
import { withLog } from '../../args/open-log.js'
import { parseNamePattern } from '../../args/parse.js'
import { parsePeriod } from '../../args/period-options.js'
import { chooseTimeZone } from '../../args/time-zone.js'
import { callerName } from '../../args/user.js'
import { usageError } from '../../exit.js'
import type { Io } from '../../io.js'
import { showInstant } from '../../../base/time/instant.js'
import { listedNames } from '../analysis/make-report.js'
import { editRules, type AddOptions } from '../rules/add.js'

export interface AcceptOptions extends AddOptions, LogOptions {
  readonly app: string
  readonly role?: string
  readonly evidence?: readonly string[]
  readonly since?: string
  readonly user?: string
}

/** What the query log has of a name as a name of an app. */
interface LogEvidence {
  /** A day. */
  readonly first: string
  readonly note: string
}

const WEEK = 7 * 86_400_000
const ALL_ROWS = 1_000_000
/** Tag of evidence from the query log. */
const QUERY_LOG = 'query-log'

/** `interdict catalogue accept`: lists a name in the site's own file of an app, with the evidence for it. */
export function accept(name: string, options: AcceptOptions, io: Io): Promise<number> {
  const pattern = readPattern(name)
  if (pattern === undefined) usageError(`not a domain name: ${name}`)
  const shown = showPattern(pattern)
  return editRules(
    async (files, _rules, textOf) => {
      const { app: id } = options
      const apps = await catalogueOf(files)
      const app = apps.find(({ entry }) => entry.app === id)
      if (app === undefined)
        throw failure(
          'CATALOGUE_NO_APP',
          id,
          didYouMean(
            id,
            apps.map(({ entry }) => entry.app)
          )
        )
      const { entry } = app
      if (entry.names.some(it => showPattern(it.name) === shown))
        throw failure('EDIT_EXISTS', app.file, shown)
      const accepted = await acceptedName(shown, apps, options, io)
      const text = textOf(`apps/${id}.yaml`)
      const isOwn = text !== undefined && !(await isCopy(files, id))
      return addAppName(
        { id, title: entry.title, ...(isOwn ? { text } : { text: undefined, replaced: text }) },
        accepted
      )
    },
    options,
    io
  )
}

async function catalogueOf(files: RulesFolder): Promise<readonly CatalogueApp[]> {
  const catalogue = await readCatalogue(files)
  if (catalogue.ok) return catalogue.apps
  throw catalogue.errors[0]!
}

async function isCopy(files: RulesFolder, id: string): Promise<boolean> {
  const inForce = await readCatalogueInForce(files)
  if ('error' in inForce) throw inForce.error
  return isCopyOfCatalogue(inForce.catalogue, `${id}.yaml`, await files.read(`apps/${id}.yaml`))
}

async function acceptedName(
  name: string,
  apps: readonly CatalogueApp[],
  options: AcceptOptions,
  io: Io
): Promise<AcceptedName> {
  const { role, evidence = [] } = options
  const found = await evidenceInLog(name, apps, options, io).catch((error: unknown) => {
    // Without a log there may still be evidence from elsewhere.
    if (evidence.length > 0) return undefined
    throw error
  })
  if (found === undefined && evidence.length === 0)
    throw failure('CATALOGUE_EVIDENCE', name, options.app)
  const today = dayOf(Date.now())
  const by = `accepted by ${options.user ?? callerName(io)} on ${today}`
  return {
    ...{ name, role, 'first-seen': found?.first ?? today },
    evidence: [...(found === undefined ? [] : [QUERY_LOG]), ...evidence],
    note: found === undefined ? by : `${found.note}; ${by}`
  }
}

/** The rows of `interdict report new-names` about a name and an app. */
function evidenceInLog(
  name: string,
  apps: readonly CatalogueApp[],
  options: AcceptOptions,
  io: Io
): Promise<LogEvidence | undefined> {
  const { app, since } = options
  const selected = parseNamePattern(name)
  return withLog(options, io, async ({ database }) => {
    const { timeZone } = await chooseTimeZone(options)
    const period = { since: parsePeriod({ since }, timeZone).since ?? Date.now() - WEEK }
    const selection = { ...period, timeZone, app }
    const report = await newNames(database, selection, listedNames(apps), ALL_ROWS)
    const rows = report.tables.flatMap(({ id, columns, rows }) =>
      rows.map(row => ({
        id,
        ...Object.fromEntries(columns.map(({ key }, i) => [key, row[i]]))
      }))
    ) as unknown as readonly SuggestedRow[]
    const own = rows.filter(row => row.name === selected.name && row.app === app)
    const [first] = own.map(row => row.first).sort((a, b) => a.getTime() - b.getTime())
    if (first === undefined) return undefined
    const [{ lookups, clients }] = own as [SuggestedRow]
    const reasons = own.map(reasonOf).join(', ')
    const note = `${reasons}; ${count(lookups, 'lookup')} of ${count(clients, 'client')}`
    return { first: dayOf(first.getTime()), note }
  })
}

interface SuggestedRow {
  readonly id: string
  readonly name: string
  readonly app: string
  readonly match?: string
  readonly pattern?: string
  readonly domain?: string
  readonly share?: number
  readonly lookups: number
  readonly clients: number
  readonly first: Date
}

function reasonOf({ id, match, pattern, domain, share = 0 }: SuggestedRow): string {
  if (id === 'domain') return `in the domain ${domain}`
  if (id === 'beside') return `${Math.round(100 * share)}% of its lookups together with the app`
  return match === 'qname' ? `below ${pattern}` : `its answer leads to ${pattern} (${match})`
}

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`

const dayOf = (at: number): string =>
  showInstant(Math.floor(at / MS_PER_SECOND), 'UTC').slice(0, 'YYYY-MM-DD'.length)
