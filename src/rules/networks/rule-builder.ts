import { covers, type Pattern } from '../model/pattern.js'
import type { Location } from '../model/location.js'
import { defined, replyOf } from './reply.js'
import type { RuleIds } from './rule-ids.js'
import { inlineTitle, type SourceResolver } from './source-resolver.js'
import { COVER, type Allow, type Ban, type Block, type NameSource } from '../model/types.js'
import type { Reply, Rule, RuleException } from '../model/types.js'
import { checkExceptionLimits } from './exception-limits.js'
import type { AllowEntry, BanEntry, BlockEntry } from '../schema/networks-schema.js'
import type { ExceptionEntry, NetworkEntry, NetworksFile } from '../schema/networks-schema.js'
import { PLAIN_ALLOW, PLAIN_BLOCK } from '../schema/networks-schema.js'
import type { Dates } from '../time/dates.js'
import { scheduleOf } from '../time/schedule.js'

/** Builds the rules of networks from the entries of `networks.yaml`. */
export class RuleBuilder {
  constructor(
    private readonly sources: SourceResolver,
    private readonly ids: RuleIds,
    private readonly dates: Dates,
    private readonly file: Pick<NetworksFile, 'defaults' | 'exceptions'>
  ) {}

  /** The rules of a network itself, in order of precedence. */
  rulesOf(id: string, network: NetworkEntry, place: Location): Rule[] {
    const { exceptions, bans, allow, block } = network
    return [
      ...exceptions.map((entry, i) => this.exception(id, entry, place.at('exceptions', i))),
      ...bans.map((entry, i) => this.ban(id, entry, place.at('bans', i))),
      ...this.listRules(allow, PLAIN_ALLOW, place.at('allow'), (entry, at, nameAt) =>
        this.allow(id, entry, at, nameAt)
      ),
      ...this.listRules(block, PLAIN_BLOCK, place.at('block'), (entry, at, nameAt) =>
        this.block(id, entry, at, nameAt)
      )
    ]
  }

  private ban(network: string, entry: BanEntry, place: Location): Ban {
    const about = this.commonFields(network, entry, 'ban', place)
    const reply = this.reply(entry, about.sources, place)
    const review = this.dates.instant(entry.review, place.at('review'))
    this.warnAboutDates(entry, about.until, review, place)
    return defined({
      ...about,
      kind: 'ban' as const,
      mode: entry.mode,
      reply,
      authority: entry.authority,
      reference: entry.reference.title,
      referenceUrl: entry.reference.url,
      legalBasis: entry['legal-basis'],
      owner: entry.owner,
      review
    })
  }

  private exception(network: string, entry: ExceptionEntry, place: Location): RuleException {
    const about = this.commonFields(network, entry, 'exception', place)
    checkExceptionLimits(this.file.exceptions, entry, about, place)
    if (about.until <= this.dates.now) {
      place.warn('RULES_EXCEPTION_ENDED', place.pathText, entry.until)
    } else if (this.dates.endsSoon(about.until)) {
      place.at('until').warn('RULES_EXCEPTION_ENDS', place.pathText, entry.until)
    }
    return defined({
      ...about,
      kind: 'exception' as const,
      prefixes: entry.prefixes ?? [],
      purpose: entry.purpose,
      approvedBy: entry['approved-by'],
      reference: entry.reference?.title,
      referenceUrl: entry.reference?.url
    })
  }

  private allow(network: string, entry: AllowEntry, place: Location, nameAt?: LocationOf): Allow {
    return { ...this.commonFields(network, entry, 'allow', place, nameAt), kind: 'allow' }
  }

  private block(network: string, entry: BlockEntry, place: Location, nameAt?: LocationOf): Block {
    const about = this.commonFields(network, entry, 'block', place, nameAt)
    const reply = this.reply(entry, about.sources, place)
    return { ...about, kind: 'block', mode: entry.mode, reply }
  }

  /** The fields that all rules have. */
  private commonFields(
    network: string,
    entry: AllowEntry,
    kind: Rule['kind'],
    place: Location,
    nameAt: LocationOf = i => place.at('names', i)
  ) {
    const what = [...entry.apps, ...entry.vendors, ...entry.lists, inlineTitle(entry)].filter(
      part => part !== ''
    )
    const madeUp = [network, ...ID_PREFIX[kind], what.join('+')].join('/')
    return {
      id: entry.id ?? this.ids.unique(madeUp),
      position: place.position,
      sources: this.sources.resolve(entry, kind, place, nameAt),
      ...this.dates.term(entry, place),
      ...(entry.schedule && { schedule: scheduleOf(entry.schedule, this.dates.zone) })
    }
  }

  private reply(entry: BlockEntry, sources: readonly NameSource[], place: Location): Reply {
    const reply = replyOf(entry, this.file.defaults, place)
    const { target } = reply
    if (target !== undefined && sources.some(source => blocksName(source, sources, target))) {
      const at = place.at('target')
      at.error('RULES_TARGET_BANNED', at.pathText)
    }
    return reply
  }

  /** The rules of an `allow` or `block` list: one for its plain names, and one for each mapping. */
  private listRules<E extends AllowEntry, R extends Rule>(
    entries: readonly (E | Pattern)[],
    plain: E,
    place: Location,
    make: (entry: E, place: Location, nameAt?: LocationOf) => R
  ): R[] {
    const names = entries.flatMap((entry, index) =>
      'cover' in entry ? [{ pattern: entry, index }] : []
    )
    const rule = { ...plain, names: names.map(({ pattern }) => pattern) }
    const first = names.length > 0 ? [make(rule, place, i => place.at(names[i]!.index))] : []
    const others = entries.flatMap((entry, index) =>
      'cover' in entry ? [] : [make(entry, place.at(index))]
    )
    return [...first, ...others]
  }

  private warnAboutDates(
    entry: BanEntry,
    until: number,
    review: number | undefined,
    place: Location
  ): void {
    const { now } = this.dates
    if (until <= now) {
      place.warn('RULES_BAN_ENDED', place.pathText, entry.until!)
      return
    }
    if (this.dates.endsSoon(until)) {
      place.at('until').warn('RULES_BAN_ENDS', place.pathText, entry.until!)
    }
    if (review !== undefined && review <= now) {
      place.at('review').warn('RULES_REVIEW_DUE', place.pathText, entry.review!)
    }
  }
}

type LocationOf = (index: number) => Location

/** Path segment of generated ids for each kind of rule; bans have none, for brevity. */
const ID_PREFIX = {
  ban: [],
  exception: ['exception'],
  allow: ['allow'],
  block: ['block']
} as const

/** Whether a source covers a name, and its list does not let the name pass. */
function blocksName(source: NameSource, sources: readonly NameSource[], name: Uint8Array): boolean {
  const { part } = source
  if (part?.effect === 'pass' || !coversName(source, name)) return false
  const passes = sources.filter(it => it.part?.effect === 'pass' && it.part.list === part?.list)
  return !passes.some(pass => coversName(pass, name))
}

/** Whether a source covers a name. */
function coversName(source: NameSource, name: Uint8Array): boolean {
  const kinds = ['suffix', 'exact', 'below'] as const
  let found = false
  source.writeTo({
    name: (octets, at, length, cover) => {
      const kind = kinds.find(kind => COVER[kind] === cover)!
      found ||= covers(kind, octets.subarray(at, at + length), name)
    },
    prefix: () => undefined
  })
  return found
}
