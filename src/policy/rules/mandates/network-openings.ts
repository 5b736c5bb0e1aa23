import { containsPrefix, showPrefix } from '../../../base/values/address.js'
import { showEnd, showInstant } from '../../../base/time/instant.js'
import { readPattern, showPattern } from '../model/pattern.js'
import type { Ban, NameSource, NetworkRules, Rule, RuleException, Term } from '../model/types.js'
import { containsPattern, type PatternRelations } from './pattern-relations.js'
import { gapsIn, overlap } from './required-term.js'
import { clientsWithin, type MandateScope } from './scope.js'
import { ALL_NAMES } from './shortfall.js'
import { hasAddresses, type Target, type Targets } from './targets.js'

/** The names of a target that some clients of a network can look up, and the reason. */
export type NetworkOpening = Term & {
  readonly clients: readonly string[]
  readonly names: readonly string[]
  readonly hours: string
  readonly why: string
}

/** Rules of one network that decide whether a mandate is met. */
interface DecidingRules {
  readonly bans: readonly Ban[]
  readonly exceptions: readonly RuleException[]
}

/** Stands for the addresses of an app, which are banned only with the app itself. */
const ADDRESSES = -1
const ADDRESSES_TEXT = 'its addresses'

/** Finds the openings that the rules of a network leave for a target. */
export class OpeningFinder {
  private readonly deciding = new WeakMap<readonly Rule[], DecidingRules>()
  private readonly withAddresses = new Map<NameSource, boolean>()
  private readonly ownNamesOnly = new Map<Target, boolean>()
  private readonly relations: PatternRelations

  /** @param zone time zone of dates in messages */
  constructor(
    private readonly targets: Targets,
    private readonly zone: string
  ) {
    this.relations = targets.relations
  }

  /**
   * @param required when the ban is ordered
   * @param allowsExceptions true if exceptions are ignored
   */
  find(
    network: NetworkRules,
    scope: MandateScope,
    target: Target,
    required: Term,
    allowsExceptions: boolean
  ): NetworkOpening[] {
    const { bans, exceptions } = this.decidingRules(network.rules)
    const lifting = allowsExceptions ? [] : exceptions.filter(rule => overlap(rule, required))
    const isDirect = (ban: Ban): boolean => isAlways(ban) && ban.sources.includes(target.app!)
    const isBanned = lifting.length === 0 && gapsIn(required, bans.filter(isDirect)).length === 0
    if (isBanned && this.hasOwnNamesOnly(target)) return []
    const found = new Groups()
    for (const pattern of this.patternsOf(target)) {
      const covering = bans.filter(ban => this.covers(ban, target, pattern))
      const always = covering.filter(isAlways)
      for (const gap of gapsIn(required, always)) {
        const clients = (clientsWithin(scope, []) ?? []).map(showPrefix)
        const reason = this.reasonFor(gap, covering)
        found.add({ ...gap, clients, ...reason }, [this.textOf(pattern)])
      }
      for (const exception of lifting)
        this.findLifted(exception, lifting, always, scope, target, pattern, required, found)
    }
    return found.all
  }

  /** True if the app has all mandated names: some may have been removed. There may be 100,000 networks. */
  private hasOwnNamesOnly(target: Target): boolean {
    let isOwn = this.ownNamesOnly.get(target)
    if (isOwn === undefined) {
      const own = target.app && this.relations.of(target.app).covers
      isOwn = target.patterns.every(pattern => own?.has(pattern))
      this.ownNamesOnly.set(target, isOwn)
    }
    return isOwn
  }

  /** @param lifting all exceptions: what others lift for the same clients bans nothing, either */
  private findLifted(
    exception: RuleException,
    lifting: readonly RuleException[],
    bans: readonly Ban[],
    scope: MandateScope,
    target: Target,
    pattern: number,
    required: Term,
    found: Groups
  ): void {
    const clients = clientsWithin(scope, exception.prefixes)?.map(showPrefix)
    const during = overlap(exception, required)
    if (clients === undefined || during === undefined) return
    const lifted = new Set(
      lifting
        .filter(other => overlap(other, during) !== undefined && shareClients(other, exception))
        .flatMap(({ sources }) => sources)
    )
    for (const source of exception.sources) {
      if (source.kind !== 'inline') {
        // It lifts only the bans of that app or list.
        const others = bans.filter(ban => this.covers(ban, target, pattern, lifted))
        if (gapsIn(during, others).length === 0) continue
      }
      const names = this.namesTouched(source, target, pattern)
      const hours = exception.schedule === undefined ? '' : `in ${exception.schedule.text}`
      const why = `exception ${exception.id} lifts the ban (${placeOf(exception)})`
      if (names.length > 0) found.add({ ...during, clients, hours, why }, names)
    }
  }

  private namesTouched(source: NameSource, target: Target, pattern: number): readonly string[] {
    if (pattern === ADDRESSES) {
      return source === target.app || (source.kind === 'inline' && this.hasAddresses(source))
        ? [ADDRESSES_TEXT]
        : []
    }
    const names = this.relations.of(source).touches.get(pattern) ?? []
    return names.filter(text => {
      const name = readPattern(text)
      return name === undefined || !target.except.some(one => containsPattern(one, name))
    })
  }

  /** @param without sources that count for nothing */
  private covers(
    ban: Ban,
    target: Target,
    pattern: number,
    without: ReadonlySet<NameSource> = NOTHING
  ): boolean {
    return ban.sources.some(source => {
      if (without.has(source) || !isWhole(source)) return false
      if (pattern === ADDRESSES) return source === target.app
      if (!this.relations.of(source).covers.has(pattern)) return false
      return !this.passes(ban, source, target, pattern)
    })
  }

  /** True if the list of a source, or a ban with `except`, passes some of the mandated names. */
  private passes({ sources }: Ban, { part }: NameSource, target: Target, pattern: number): boolean {
    if (part === undefined) return false
    return sources.some(other => {
      const isOther = other.part?.list === part.list && !isWhole(other)
      return isOther && this.namesTouched(other, target, pattern).length > 0
    })
  }

  private reasonFor(gap: Term, covering: readonly Ban[]): { hours: string; why: string } {
    const there = covering.filter(ban => overlap(ban, gap) !== undefined)
    const scheduled = there.find(ban => ban.schedule !== undefined && isEnforced(ban))
    if (scheduled !== undefined) {
      const isWholeGap = gapsIn(gap, [scheduled]).length === 0
      const hours = isWholeGap ? `outside ${scheduled.schedule!.text}` : ''
      return { hours, why: `ban ${scheduled.id} has a schedule (${placeOf(scheduled)})` }
    }
    return { hours: '', why: this.reasonAtAnyHour(gap, there, covering) }
  }

  private reasonAtAnyHour(gap: Term, there: readonly Ban[], covering: readonly Ban[]): string {
    const monitored = there.find(({ mode }) => mode === 'monitor')
    if (monitored !== undefined)
      return `ban ${monitored.id} is in mode monitor (${placeOf(monitored)})`
    const truncating = there.find(ban => !isEnforced(ban))
    if (truncating !== undefined)
      return `ban ${truncating.id} has the action truncate, which bans nothing over TCP (${placeOf(truncating)})`
    const before = covering.find(({ until }) => until <= gap.from)
    if (before !== undefined) {
      const end = showEnd(before.until, this.zone).replace(/^last day /, 'with the last day ')
      return `ban ${before.id} ends ${end} (${placeOf(before)})`
    }
    const after = covering.find(({ from }) => from >= gap.until)
    if (after !== undefined)
      return `ban ${after.id} begins only at ${showInstant(after.from, this.zone)} (${placeOf(after)})`
    return 'no ban covers it'
  }

  private patternsOf({ app, patterns }: Target): readonly number[] {
    return app !== undefined && this.hasAddresses(app) ? [...patterns, ADDRESSES] : patterns
  }

  private hasAddresses(source: NameSource): boolean {
    const known = this.withAddresses.get(source) ?? hasAddresses(source)
    this.withAddresses.set(source, known)
    return known
  }

  private textOf(pattern: number): string {
    return pattern === ADDRESSES ? ADDRESSES_TEXT : showPattern(this.targets.patterns[pattern]!)
  }

  private decidingRules(rules: readonly Rule[]): DecidingRules {
    let deciding = this.deciding.get(rules)
    if (deciding === undefined) {
      deciding = {
        bans: rules.filter(rule => rule.kind === 'ban'),
        exceptions: rules.filter(rule => rule.kind === 'exception')
      }
      this.deciding.set(rules, deciding)
    }
    return deciding
  }
}

/** An opening of the whole target. */
export function openAtAll({ prefixes }: MandateScope, required: Term, why: string): NetworkOpening {
  const clients = (prefixes ?? []).map(showPrefix)
  return { ...required, clients, names: [ALL_NAMES], hours: '', why }
}

/** Openings with their names, grouped by cause. */
class Groups {
  private readonly byKey = new Map<string, NetworkOpening & { readonly names: string[] }>()

  add(opening: Omit<NetworkOpening, 'names'>, names: readonly string[]): void {
    const { from, until, clients, hours, why } = opening
    const key = JSON.stringify([from, until, clients, hours, why])
    const known = this.byKey.get(key)
    if (known === undefined) this.byKey.set(key, { ...opening, names: [...names] })
    else known.names.push(...names.filter(name => !known.names.includes(name)))
  }

  get all(): NetworkOpening[] {
    return [...this.byKey.values()]
  }
}

const NOTHING: ReadonlySet<NameSource> = new Set()

/** Whether two exceptions may be for the same client. */
function shareClients(one: RuleException, other: RuleException): boolean {
  if (one.prefixes.length === 0 || other.prefixes.length === 0) return true
  return one.prefixes.some(a =>
    other.prefixes.some(b => containsPrefix(a, b) || containsPrefix(b, a))
  )
}

/** Over TCP, names are as if they were not banned. */
const isEnforced = ({ mode, reply }: Ban): boolean =>
  mode === 'enforce' && reply.action !== 'truncate'

const isAlways = (ban: Ban): boolean => isEnforced(ban) && ban.schedule === undefined

/** True if a rule on the source bans all of its names, for all clients and types. */
function isWhole({ part }: NameSource): boolean {
  if (part === undefined) return true
  const { effect, qtypes, prefixes, overTcp, triggerRank } = part
  const hasConditions = qtypes ?? prefixes ?? overTcp ?? triggerRank
  return effect === 'rule' && hasConditions === undefined
}

const placeOf = ({ position: { file, line } }: Rule): string => `${file}:${line}`
