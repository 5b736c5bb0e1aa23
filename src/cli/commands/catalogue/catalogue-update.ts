import { failure } from '../../../base/errors/error.js'
import { showInstant } from '../../../base/time/instant.js'
import { MS_PER_SECOND } from '../../../base/units.js'
import type { CatalogueInForce } from '../../../policy/rules/apps/catalogue-in-force.js'
import type { RuleSet } from '../../../policy/rules/model/types.js'
import { decodeHeader } from '../../../sources/bundle/manifest.js'
import type { CatalogueContent } from '../../../sources/catalogue/catalogue-content.js'
import { serializeError } from '../../../base/errors/serialized-error.js'
import {
  enforcedAtOnce,
  namesInRules,
  readOffered,
  toActivate
} from '../../../sources/catalogue/offered-catalogue.js'
import type { CommonOptions } from '../../args/settings.js'
import { EXIT } from '../../exit.js'
import { print, printJson, type Io } from '../../io.js'
import { terminalWidth } from '../../output/columns.js'
import {
  changedNames,
  changesText,
  inForceOf,
  updateText,
  type AppChanges,
  type UpdateResult
} from '../../output/rules/catalogue-text.js'
import { plannedJson, plannedText, type PlannedRules } from '../../output/rules/plan-text.js'
import { CatalogueContext } from './catalogue-context.js'

export interface UpdateOptions extends CommonOptions {
  readonly json?: boolean
}

/** `interdict catalogue update`: accepts a newer catalogue, if the rules with it pass all tests. */
export async function update(
  file: string | undefined,
  options: UpdateOptions,
  io: Io
): Promise<number> {
  const result = await performUpdate({ file }, options, io)
  if (options.json === true) printJson(io, result)
  else if (result.error === null) print(io, updateText(result))
  else io.stderr.write(`${result.error.message} (${result.error.code})\n`)
  return result.error === null ? EXIT.success : EXIT.failure
}

/**
 * Never throws because of the catalogue itself: the result has the error, and is recorded for `show`.
 *
 * @throws InterdictError as `CatalogueContext.open`
 */
export async function performUpdate(
  { file }: { readonly file?: string | undefined },
  options: CommonOptions,
  io: Io
): Promise<UpdateResult> {
  const context = await CatalogueContext.open(options)
  const tried = new Date().toISOString()
  try {
    const done = await accept(context, file, io)
    context.store.saveState({ tried, error: null })
    return { ...done, inForce: inForceOf(context.store.inForce()), error: null }
  } catch (thrown) {
    const error = errorOf(thrown)
    // A folder that cannot be written is an error already.
    orNothing(() => context.store.saveState({ tried, error }))
    const inForce = orNothing(() => inForceOf(context.store.inForce())) ?? null
    return { result: 'failed', apps: [], enforced: null, inForce, error }
  }
}

function errorOf(error: unknown): { readonly code: string; readonly message: string } {
  const errors = (error as { readonly errors?: readonly { code: string; message: string }[] })
    .errors
  const [first] = errors ?? []
  return first === undefined ? serializeError(error) : { code: first.code, message: first.message }
}

function orNothing<T>(run: () => T): T | undefined {
  try {
    return run()
  } catch {
    return undefined
  }
}

async function accept(
  context: CatalogueContext,
  file: string | undefined,
  io: Io
): Promise<Pick<UpdateResult, 'result' | 'apps' | 'enforced'>> {
  const { store, catalogue, now } = context
  const nothing = { apps: [], enforced: null }
  const octets = await context.fetch(file)
  const offered = await offeredBy(context, octets, file)
  const { version, serial } = offered
  const current = store.inForce()
  const record = store.bundles.read()
  if (serial === record?.newest.serial && current !== undefined)
    return { result: 'unchanged', ...nothing }
  if (context.pinned !== undefined && context.pinned !== version) {
    if (current?.version === context.pinned) return { result: 'pinned', ...nothing }
    throw failure('CATALOGUE_PINNED', context.pinned, version)
  }
  const before = await context.rules()
  const monitored = catalogue.monitored / MS_PER_SECOND
  const next = nextOf(offered, before, current, { now, monitored })
  const planned = await context.plan(before, enforcedAtOnce(next), io, 0)
  refuseErrors(serial, planned)
  const { manifest } = decodeHeader(octets, context.placeOf(file))
  if (serial !== record?.newest.serial) await store.bundles.accept(octets, manifest, record, now)
  store.activate(next)
  const apps = changedNames(before, planned, offered)
  const enforced = showInstant(now + monitored, 'UTC')
  return { result: 'updated', apps, enforced }
}

async function offeredBy(
  context: CatalogueContext,
  octets: Uint8Array,
  file: string | undefined
): Promise<CatalogueContent> {
  const { store, now } = context
  return readOffered(octets, context.placeOf(file), { trust: await context.trust(), store, now })
}

/** @param current the catalogue in force */
export function nextOf(
  content: CatalogueContent,
  before: RuleSet,
  current: CatalogueInForce | undefined,
  times: { readonly now: number; readonly monitored: number }
): CatalogueInForce {
  const { added = {}, copies = {} } = current ?? {}
  return toActivate(content, namesInRules(before), { added, copies }, times)
}

/** @throws InterdictError CATALOGUE_REFUSED */
export function refuseErrors(serial: number, { check: { errors } }: PlannedRules): void {
  const [first, ...more] = errors
  if (first !== undefined)
    throw failure('CATALOGUE_REFUSED', serial, `${first.message} (${first.code})`, more.length)
}

export interface PreviewOptions extends CommonOptions {
  readonly json?: boolean
}

/** `interdict catalogue preview`: what an update would change, with nothing written. */
export async function preview(
  file: string | undefined,
  options: PreviewOptions,
  io: Io
): Promise<number> {
  const context = await CatalogueContext.open(options)
  const offered = await offeredBy(context, await context.fetch(file), file)
  const before = await context.rules()
  const monitored = context.catalogue.monitored / MS_PER_SECOND
  const current = context.store.inForce()
  const next = nextOf(offered, before, current, { now: context.now, monitored })
  const planned = await context.plan(before, enforcedAtOnce(next), io)
  const apps: readonly AppChanges[] = changedNames(before, planned, offered)
  const { version, serial } = offered
  const inForce = inForceOf(current)
  if (options.json === true)
    printJson(io, { version, serial, inForce, apps, ...plannedJson(planned) })
  else {
    print(io, changesText({ version, serial, inForce, apps }))
    print(io, `\n${plannedText(planned, terminalWidth(io.stdout))}`)
  }
  return planned.check.errors.length === 0 ? EXIT.success : EXIT.failure
}
