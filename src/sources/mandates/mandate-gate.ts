import { failure, type InterdictError } from '../../base/errors/error.js'
import { serializeError } from '../../base/errors/serialized-error.js'
import { epochSeconds, systemClock } from '../../base/time/clock.js'
import type { Seconds } from '../../base/units.js'
import { newOpenings } from '../../policy/rules/mandates/compare-openings.js'
import { evaluateMandates, type Evaluation } from '../../policy/rules/mandates/evaluate-mandates.js'
import type { Mandate } from '../../policy/rules/mandates/mandate.js'
import { shortfallErrors } from '../../policy/rules/mandates/shortfall-errors.js'
import type { Shortfall } from '../../policy/rules/mandates/shortfall.js'
import type { RuleSet, Term } from '../../policy/rules/model/types.js'
import { readBaseline, writeBaseline, type MandateBaseline } from './mandate-baseline.js'
import { MandateStore } from './mandate-store.js'
import type { ReadMandates } from './read-mandates.js'
import type { MandateReport } from './mandate-report.js'

export interface GateResult {
  readonly report: MandateReport
  /** Errors that keep the rules from becoming active: openings that the rules in force do not have. */
  readonly refusing: readonly InterdictError[]
  /** Records the openings of these rules. Call it when they are in force. */
  readonly save: () => SavedBaseline
}

export interface SavedBaseline {
  /** Why it is not stored; undefined: it is. */
  readonly error?: InterdictError
  /** The baseline that is not stored: the caller keeps it, and passes it to the next gate. */
  readonly unsaved?: MandateBaseline
}

/** The rules in force, to compare with. */
export interface RulesInForce {
  /** Undefined: none are active. */
  readonly sha256: string | undefined
  /** SHA-256 of the part that is edited manually. */
  readonly ownSha256: string | undefined
  /** Loads them from the history; undefined: the history does not have them. */
  readonly load: () => Promise<RuleSet | undefined>
  /** Their openings, if these could not be stored. */
  readonly unsaved?: MandateBaseline | undefined
}

/** Compares rules with the mandates, before they become active. */
export class MandateGate {
  private readonly now: Seconds = epochSeconds(systemClock)
  private readonly baseline: MandateBaseline | undefined
  /** Mandates that were added since the rules in force were compared. */
  private readonly added: readonly Mandate[]
  /** Whether the rules in force are not to be had, so that nobody can say whether they satisfy these. */
  private isUnknown = false
  private addedBefore: Promise<Evaluation> | undefined

  /** @param store see `MandatesSource` */
  constructor(
    readonly read: ReadMandates,
    private readonly store: string,
    private readonly inForce: RulesInForce
  ) {
    const { ownSha256, unsaved } = inForce
    const known = read.mandates.length === 0 ? undefined : (unsaved ?? readBaseline(store))
    const isCurrent = ownSha256 === undefined || ownSha256 === known?.ownSha256
    this.baseline = isCurrent ? known : undefined
    this.added = read.mandates.filter(
      ({ sha256 }) => this.baseline?.mandates.includes(sha256) !== true
    )
  }

  /** True if the rules in force were compared with these mandates. */
  get isUnchanged(): boolean {
    return (
      this.added.length === 0 && (this.baseline?.mandates.length ?? 0) === this.read.mandates.length
    )
  }

  /** Stores mandates that are newly in force, even if the rules are rejected. @returns the error if that fails */
  keep(): InterdictError | undefined {
    return new MandateStore(this.store).accept(this.read.fresh, this.now)
  }

  async judge(rules: RuleSet): Promise<GateResult> {
    const { mandates } = this.read
    if (mandates.length === 0) return { report: this.report([]), refusing: [], save: () => ({}) }
    const isActive = rules.sha256 === (this.inForce.sha256 ?? this.baseline?.sha256)
    const before = isActive ? this.baseline : await this.before()
    const found = evaluateMandates(mandates, rules, this.now, before?.reach ?? {})
    const refused = isActive ? [] : newOpenings(found.shortfalls, before?.shortfalls ?? [])
    return {
      report: this.report(found.shortfalls),
      refusing: shortfallErrors(
        this.isFirst ? refused.filter(one => this.isOpen(one)) : refused
      ).map(({ error }) => error),
      save: () => this.save(rules, found)
    }
  }

  /** Reports on the rules in force after others were rejected. */
  async judgeActive(): Promise<MandateReport> {
    const { added, baseline } = this
    const hasRules = this.inForce.sha256 !== undefined
    const { shortfalls = [] } =
      (added.length > 0 && hasRules ? await this.before() : baseline) ?? {}
    const current = new Set(this.read.mandates.map(({ sha256 }) => sha256))
    return this.report(
      shortfalls.filter(({ mandate }) => current.has(mandate)),
      this.isUnknown ? added.map(({ id }) => failure('MANDATE_UNKNOWN', id)) : []
    )
  }

  /** The openings of the rules in force, also in mandates that were added since. */
  private async before(): Promise<Evaluation | undefined> {
    const { added, baseline } = this
    if (added.length === 0) return baseline
    this.addedBefore ??= this.inForce.load().then(rules => {
      this.isUnknown = rules === undefined
      if (rules === undefined) return { shortfalls: [], reach: {} }
      return evaluateMandates(added, rules, this.now, {})
    })
    const { shortfalls, reach } = await this.addedBefore
    return {
      shortfalls: [...(baseline?.shortfalls ?? []), ...shortfalls],
      reach: { ...baseline?.reach, ...reach }
    }
  }

  /** True if no rules were in force: shortfalls that begin later do not cause a refusal then. */
  private get isFirst(): boolean {
    return this.inForce.sha256 === undefined && this.baseline === undefined
  }

  private isOpen({ from, until }: Term): boolean {
    return from <= this.now && this.now < until
  }

  private report(
    shortfalls: readonly Shortfall[],
    unknown: readonly InterdictError[] = []
  ): MandateReport {
    const { mandates, problems } = this.read
    return {
      mandates: mandates.map(({ id, issued, authority, reference, sha256, position, bans }) => ({
        ...{ id, issued, authority, reference, sha256 },
        file: position.file,
        from: Math.min(...bans.map(({ from }) => from)),
        until: Math.max(...bans.map(({ until }) => until))
      })),
      shortfalls: shortfallErrors(shortfalls).map(({ error, mandate, from, until }) => {
        return { ...serializeError(error), mandate, from, until }
      }),
      problems: [...problems, ...unknown].map(serializeError)
    }
  }

  private save({ sha256, ownSha256 }: RuleSet, { shortfalls, reach }: Evaluation): SavedBaseline {
    const mandates = this.read.mandates.map(mandate => mandate.sha256)
    const baseline = { v: 1, sha256, ownSha256, mandates, shortfalls, reach } as const
    const error = writeBaseline(this.store, baseline)
    return error === undefined ? {} : { error, unsaved: baseline }
  }
}
