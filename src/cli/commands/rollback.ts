import { epochSeconds, systemClock } from '../../base/clock.js'
import { failure, type InterdictError } from '../../base/error.js'
import { rulesLocation } from '../../daemon/reload/rules-location.js'
import { loadRules, type RulesResult } from '../../rules/load.js'
import { AcceptedBundles, type Accepted } from '../../sources/bundle/accepted.js'
import { keptBundle, type BundlePlace } from '../../sources/bundle/choose.js'
import { instant } from '../../sources/bundle/date.js'
import { readTrust } from '../../sources/bundle/trust.js'
import { settings, type CommonOptions } from '../args/settings.js'
import { who } from '../args/who.js'
import { EXIT, refuse, usage } from '../exit.js'
import { print, type Io } from '../io.js'
import { toJson, toText, type ListedBundle } from '../output/rollback-text.js'
import { showDifference } from './diff.js'

export interface RollbackOptions extends CommonOptions {
  readonly to?: string
  readonly list?: boolean
  readonly dryRun?: boolean
  readonly examples: string
  readonly json?: boolean
}

/**
 * `interdict rollback`: has another of the bundles in force that were accepted here. It says so where
 * accepted bundles are remembered: a running gateway sees that at once, and a start finds it.
 */
export async function rollback(options: RollbackOptions, io: Io): Promise<number> {
  const { bundle: place } = rulesLocation(await settings(options))
  if (place === undefined) throw failure('BUNDLE_OFF')
  const kept = Kept.read(place)
  if (options.list === true) {
    const listed = await kept.list()
    print(io, options.json === true ? toJson(listed) : toText(listed))
    return EXIT.success
  }
  const from = kept.accepted.inForce
  const to = options.to === undefined ? kept.earlier() : serialOf(options.to)
  const [before, after] = [await kept.load(from), await kept.load(to)]
  if (!after.ok) refuse(after.errors)
  if (options.dryRun === true) {
    if (!before.ok) refuse(before.errors)
    const names = { old: `bundle ${from}`, now: `bundle ${to}` }
    print(io, showDifference({ before: before.rules, after: after.rules }, names, options))
    return EXIT.success
  }
  if (to === from) print(io, `bundle ${to} is in force already\n`)
  else {
    kept.rollBack(to, who(io.env))
    print(io, `from bundle ${from} to ${to}: a running gateway goes back at once\n`)
  }
  return EXIT.success
}

/** The bundles that were accepted here and are kept. */
class Kept {
  private constructor(
    private readonly place: BundlePlace,
    private readonly store: AcceptedBundles,
    readonly accepted: Accepted
  ) {}

  /** @throws InterdictError BUNDLE_STATE, BUNDLE_NO_EARLIER */
  static read(place: BundlePlace): Kept {
    const store = new AcceptedBundles(place.kept)
    const accepted = store.read()
    if (accepted === undefined) throw failure('BUNDLE_NO_EARLIER')
    return new Kept(place, store, accepted)
  }

  /** The one with the next lower serial. @throws InterdictError BUNDLE_NO_EARLIER */
  earlier(): number {
    const { kept, inForce } = this.accepted
    const lower = kept.map(({ serial }) => serial).filter(serial => serial < inForce)
    if (lower.length === 0) throw failure('BUNDLE_NO_EARLIER')
    return Math.max(...lower)
  }

  /** Its rules, if the keys of the settings still vouch for it. @throws as `keptBundle` */
  async load(serial: number): Promise<RulesResult> {
    const { place, store, accepted } = this
    const trust = await readTrust(place.trust)
    const { files } = await keptBundle(place, store, trust, accepted, serial)
    return loadRules(files)
  }

  async list(): Promise<readonly ListedBundle[]> {
    const { inForce, kept } = this.accepted
    return Promise.all(
      kept.map(async ({ serial, sha256, created, expires, accepted }) => ({
        ...{ serial, sha256, accepted, inForce: serial === inForce },
        ...{ created: instant(created), expires: instant(expires) },
        trouble: await this.troubleWith(serial)
      }))
    )
  }

  rollBack(to: number, by: string): void {
    const at = instant(epochSeconds(systemClock))
    this.store.rollBack(this.accepted, { from: this.accepted.inForce, to, by, at })
  }

  private async troubleWith(serial: number): Promise<ListedBundle['trouble']> {
    try {
      const loaded = await this.load(serial)
      return loaded.ok ? null : { code: loaded.errors[0]!.code, message: loaded.errors[0]!.message }
    } catch (error) {
      const { code, message } = error as InterdictError
      return { code, message }
    }
  }
}

function serialOf(text: string): number {
  const isWhole = /^\d{1,16}$/.test(text) && Number(text) > 0
  return isWhole ? Number(text) : usage(`--to: ${text} is no serial`)
}
