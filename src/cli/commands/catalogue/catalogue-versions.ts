import { failure } from '../../../base/errors/error.js'
import { formatInstant } from '../../../sources/bundle/validity.js'
import { decodeBundle } from '../../../sources/bundle/bundle.js'
import {
  readCatalogueContent,
  type CatalogueContent
} from '../../../sources/catalogue/catalogue-content.js'
import type { AcceptedRecord } from '../../../sources/bundle/accepted-bundles.js'
import { callerName } from '../../args/user.js'
import { parseWholeNumber } from '../../args/parse.js'
import type { CommonOptions } from '../../args/settings.js'
import { EXIT } from '../../exit.js'
import { print, printJson, type Io } from '../../io.js'
import { inForceOf } from '../../output/rules/catalogue-text.js'
import {
  monitoredNames,
  showText,
  type AcceptedCatalogue
} from '../../output/rules/catalogue-show-text.js'
import { CatalogueContext } from './catalogue-context.js'
import { nextOf, refuseErrors } from './catalogue-update.js'

interface VersionOptions extends CommonOptions {
  readonly json?: boolean
}

/** `interdict catalogue show`: the catalogue in force, those accepted before, and names that are only monitored yet. */
export async function show(options: VersionOptions, io: Io): Promise<number> {
  const context = await CatalogueContext.open(options)
  const { store, now, catalogue } = context
  const current = store.inForce()
  const { tried, error } = store.readState()
  const shown = {
    url: catalogue.url,
    inForce: inForceOf(current),
    expired: current !== undefined && current.expires <= now,
    pinned: context.pinned ?? null,
    monitored: monitoredNames(current, now),
    accepted: await acceptedBy(context),
    tried,
    error
  }
  if (options.json === true) printJson(io, shown)
  else print(io, showText(shown))
  return EXIT.success
}

/** The accepted bundles that are kept, the newest first. */
async function acceptedBy(context: CatalogueContext): Promise<readonly AcceptedCatalogue[]> {
  const record = context.store.bundles.read()
  return Promise.all(
    (record?.kept ?? []).map(async ({ serial, accepted, expires }) => {
      const content = await readAccepted(context, serial).catch(() => undefined)
      const version = content?.version ?? null
      const inForce = serial === record?.inForce
      return { version, serial, accepted, expires: formatInstant(expires), inForce }
    })
  )
}

/** A bundle that was accepted, expired or not. @throws as `decodeBundle` and `readCatalogueContent` */
async function readAccepted(context: CatalogueContext, serial: number): Promise<CatalogueContent> {
  const { bundles } = context.store
  const shown = `catalogue ${serial}`
  const octets = await bundles.octetsOf(serial)
  const bundle = await decodeBundle(octets, shown, await context.trust())
  return readCatalogueContent(bundle, shown)
}

export interface RollbackOptions extends VersionOptions {
  readonly to?: string
  readonly user?: string
}

/** `interdict catalogue rollback`: puts an earlier catalogue in force. */
export async function rollback(options: RollbackOptions, io: Io): Promise<number> {
  const context = await CatalogueContext.open(options)
  const record = context.store.bundles.read()
  const max = Number.MAX_SAFE_INTEGER
  const to =
    options.to === undefined
      ? earlierThan(record)
      : parseWholeNumber('--to', options.to, { min: 1, max })
  const by = options.user ?? callerName(io)
  const from = await goBack(context, to, by, io)
  if (options.json === true) printJson(io, { from, to, changed: from !== to })
  else if (from === to) print(io, `Catalogue ${to} is already in force.\n`)
  else print(io, `Catalogue ${to} is in force instead of ${from}.\n`)
  return EXIT.success
}

/** @throws InterdictError CATALOGUE_NONE */
function earlierThan(record: AcceptedRecord | undefined): number {
  const lower = record?.kept.map(({ serial }) => serial).filter(it => it < record.inForce) ?? []
  if (lower.length === 0) throw failure('CATALOGUE_NONE', 'before the one in force')
  return Math.max(...lower)
}

/**
 * Names that return are enforced at once: they were before.
 *
 * @returns the serial that was in force
 * @throws InterdictError CATALOGUE_NONE, CATALOGUE_REFUSED
 */
async function goBack(context: CatalogueContext, to: number, by: string, io: Io): Promise<number> {
  const { store, now } = context
  const record = store.bundles.read()
  if (record?.kept.every(({ serial }) => serial !== to) !== false)
    throw failure('CATALOGUE_NONE', String(to))
  if (record.inForce === to) return to
  const content = await readAccepted(context, to)
  const before = await context.rules()
  const next = nextOf(content, before, store.inForce(), { now, monitored: 0 })
  refuseErrors(to, await context.plan(before, next, io, 0))
  const { inForce: from } = record
  store.bundles.rollBack(record, { from, to, by, at: formatInstant(now) })
  store.activate(next)
  return from
}

export interface PinOptions extends VersionOptions {
  readonly off?: boolean
  readonly user?: string
}

/** `interdict catalogue pin`: keeps one version, whatever is offered. */
export async function pin(
  version: string | undefined,
  options: PinOptions,
  io: Io
): Promise<number> {
  const context = await CatalogueContext.open(options)
  const pinned = options.off === true ? null : await pinTo(context, version, options, io)
  context.store.saveState({ pinned })
  const shown = context.pinned ?? null
  if (options.json === true) printJson(io, { pinned: shown })
  else print(io, shown === null ? 'Not pinned.\n' : `Pinned to version ${shown}.\n`)
  return EXIT.success
}

/** @throws InterdictError CATALOGUE_NONE */
async function pinTo(
  context: CatalogueContext,
  version: string | undefined,
  options: PinOptions,
  io: Io
): Promise<string> {
  const current = context.store.inForce()
  if (current === undefined) throw failure('CATALOGUE_NONE', version ?? 'yet')
  if (version === undefined || version === current.version) return current.version
  const found = (await acceptedBy(context)).find(it => it.version === version)
  if (found === undefined) throw failure('CATALOGUE_NONE', `of version ${version}`)
  await goBack(context, found.serial, options.user ?? callerName(io), io)
  return version
}
