import { epochSeconds, systemClock } from '../../../base/time/clock.js'
import { failure, type InterdictError } from '../../../base/errors/error.js'
import { rulesLocation } from '../../../gateway/compiler/rules-location.js'
import type { ParsedRequest, ResultOf } from '../../../gateway/processes/requests.js'
import { loadRules, type RulesResult } from '../../../policy/rules/load.js'
import { AcceptedBundles, type AcceptedRecord } from '../../../sources/bundle/accepted-bundles.js'
import { openStoredBundle, type BundleSource } from '../../../sources/bundle/choose-bundle.js'
import { readTrustedKeys } from '../../../sources/bundle/read-trust.js'
import { formatInstant } from '../../../sources/bundle/validity.js'
import { parseWholeNumber } from '../../args/parse.js'
import { loadSettings, type CommonOptions } from '../../args/settings.js'
import { callerName } from '../../args/user.js'
import { EXIT, rejectInput } from '../../exit.js'
import { print, printJson, type Io } from '../../io.js'
import { toJson, toText, type ListedBundle } from '../../output/rules/rollback-text.js'
import type { Compared } from '../../output/rules/diff-text.js'
import { compare, parseExamples, renderDifference } from './diff.js'

export interface RollbackOptions extends CommonOptions {
  readonly to?: string
  readonly list?: boolean
  readonly dryRun?: boolean
  readonly examples: string
  readonly user?: string
  readonly json?: boolean
}

/**
 * `interdict rollback`: puts another accepted bundle in force, by recording that beside the accepted
 * bundles. A running gateway notices at once; a stopped one finds it at the next start.
 */
export async function rollback(options: RollbackOptions, io: Io): Promise<number> {
  if (options.list === true) {
    const listed = await (await keptBundles(options)).list()
    print(io, options.json === true ? toJson(listed) : toText(listed))
    return EXIT.success
  }
  const { to: serial, user = callerName(io) } = options
  const max = Number.MAX_SAFE_INTEGER
  const request = {
    to: serial === undefined ? undefined : parseWholeNumber('--to', serial, { min: 1, max }),
    user
  }
  if (options.dryRun === true) {
    print(io, renderDifference(await compareBundles(request.to, options), options, io))
    return EXIT.success
  }
  const result = await performRollback(request, options)
  const { from, to } = result
  if (options.json === true) printJson(io, result)
  else if (to === from) print(io, `Bundle ${to} is already in force.\n`)
  else {
    print(io, `Rolled back from bundle ${from} to ${to}; a running gateway switches at once.\n`)
  }
  return EXIT.success
}

/** @throws InterdictError BUNDLE_OFF, and as `KeptBundles.read` and `KeptBundles.load` */
export async function performRollback(
  { to: serial, user }: ParsedRequest<'rollback'>,
  options: CommonOptions
): Promise<ResultOf<'rollback'>> {
  const kept = await keptBundles(options)
  const from = kept.accepted.inForce
  const to = serial ?? kept.earlier()
  const after = await kept.load(to)
  if (!after.ok) rejectInput(after.errors)
  if (to !== from) kept.rollBack(to, user)
  return { from, to, changed: to !== from }
}

async function compareBundles(
  serial: number | undefined,
  options: RollbackOptions
): Promise<Compared> {
  const kept = await keptBundles(options)
  const from = kept.accepted.inForce
  const to = serial ?? kept.earlier()
  const [before, after] = [await kept.load(from), await kept.load(to)]
  if (!after.ok) rejectInput(after.errors)
  if (!before.ok) rejectInput(before.errors)
  const rules = { before: before.rules, after: after.rules }
  const names = { old: `bundle ${from}`, now: `bundle ${to}` }
  return compare(rules, { ...names, examples: parseExamples(options) })
}

async function keptBundles(options: CommonOptions): Promise<KeptBundles> {
  const { bundle: place } = rulesLocation(await loadSettings(options))
  if (place === undefined) throw failure('BUNDLE_OFF')
  return KeptBundles.read(place)
}

/** Accepted bundles that are kept. */
class KeptBundles {
  private constructor(
    private readonly place: BundleSource,
    private readonly store: AcceptedBundles,
    readonly accepted: AcceptedRecord
  ) {}

  /** @throws InterdictError BUNDLE_STATE, BUNDLE_NO_EARLIER */
  static read(place: BundleSource): KeptBundles {
    const store = new AcceptedBundles(place.storeFolder)
    const accepted = store.read()
    if (accepted === undefined) throw failure('BUNDLE_NO_EARLIER')
    return new KeptBundles(place, store, accepted)
  }

  /** Serial of the bundle before the one in force. @throws InterdictError BUNDLE_NO_EARLIER */
  earlier(): number {
    const { kept, inForce } = this.accepted
    const lower = kept.map(({ serial }) => serial).filter(serial => serial < inForce)
    if (lower.length === 0) throw failure('BUNDLE_NO_EARLIER')
    return Math.max(...lower)
  }

  /** The rules of a bundle, if the keys in the settings still verify it. @throws as `keptBundle` */
  async load(serial: number): Promise<RulesResult> {
    const { place, store, accepted } = this
    const trust = await readTrustedKeys(place.trust)
    const { files } = await openStoredBundle(place, store, trust, accepted, serial)
    return loadRules(files)
  }

  async list(): Promise<readonly ListedBundle[]> {
    const { inForce, kept } = this.accepted
    return Promise.all(
      kept.map(async ({ serial, sha256, created, expires, accepted }) => ({
        ...{ serial, sha256, accepted, inForce: serial === inForce },
        ...{ created: formatInstant(created), expires: formatInstant(expires) },
        error: await this.errorIn(serial)
      }))
    )
  }

  rollBack(to: number, by: string): void {
    const at = formatInstant(epochSeconds(systemClock))
    this.store.rollBack(this.accepted, { from: this.accepted.inForce, to, by, at })
  }

  private async errorIn(serial: number): Promise<ListedBundle['error']> {
    try {
      const loaded = await this.load(serial)
      return loaded.ok ? null : { code: loaded.errors[0]!.code, message: loaded.errors[0]!.message }
    } catch (error) {
      const { code, message } = error as InterdictError
      return { code, message }
    }
  }
}
