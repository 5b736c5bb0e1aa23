import { covers, type Pattern } from '../model/pattern.js'
import type { Location } from '../model/location.js'
import { defined, replyOf } from './reply.js'
import type { RuleIds } from './rule-ids.js'
import { inlineTitle, type SourceResolver } from './source-resolver.js'
import { COVER, type Allow, type Ban, type Block, type NameSource } from '../model/types.js'
import { isClientPolicy, type Reply, type Rule, type RuleException } from '../model/types.js'
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
  rulesOf(id: string, network: NetworkEntry, location: Location): Rule[] {
    const { exceptions, bans, allow, block } = network
    return [
      ...exceptions.map((entry, i) => this.exception(id, entry, location.at('exceptions', i))),
      ...bans.map((entry, i) => this.ban(id, entry, location.at('bans', i))),
      ...this.listRules(allow, PLAIN_ALLOW, location.at('allow'), (entry, at, nameAt) =>
        this.allow(id, entry, at, nameAt)
      ),
      ...this.listRules(block, PLAIN_BLOCK, location.at('block'), (entry, at, nameAt) =>
        this.block(id, entry, at, nameAt)
      )
    ]
  }

  private ban(network: string, entry: BanEntry, location: Location): Ban {
    const fields = this.commonFields(network, entry, 'ban', location)
    const reply = this.reply(entry, fields.sources, location)
    const review = this.dates.instant(entry.review, location.at('review'))
    this.warnAboutDates(entry, fields.until, review, location)
    return defined({
      ...fields,
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

  private exception(network: string, entry: ExceptionEntry, location: Location): RuleException {
    const fields = this.commonFields(network, entry, 'exception', location)
    checkExceptionLimits(this.file.exceptions, entry, fields, location)
    if (fields.until <= this.dates.now) {
      location.warn('RULES_EXCEPTION_ENDED', location.pathText, entry.until)
    } else if (this.dates.endsSoon(fields.until)) {
      location.at('until').warn('RULES_EXCEPTION_ENDS', location.pathText, entry.until)
    }
    return defined({
      ...fields,
      kind: 'exception' as const,
      prefixes: entry.prefixes ?? [],
      purpose: entry.purpose,
      approvedBy: entry['approved-by'],
      reference: entry.reference?.title,
      referenceUrl: entry.reference?.url
    })
  }

  private allow(
    network: string,
    entry: AllowEntry,
    location: Location,
    nameAt?: LocationOf
  ): Allow {
    return { ...this.commonFields(network, entry, 'allow', location, nameAt), kind: 'allow' }
  }

  private block(
    network: string,
    entry: BlockEntry,
    location: Location,
    nameAt?: LocationOf
  ): Block {
    const fields = this.commonFields(network, entry, 'block', location, nameAt)
    const reply = this.reply(entry, fields.sources, location)
    return { ...fields, kind: 'block', mode: entry.mode, reply }
  }

  /** The fields that all rules have. */
  private commonFields(
    network: string,
    entry: AllowEntry,
    kind: Rule['kind'],
    location: Location,
    nameAt: LocationOf = i => location.at('names', i)
  ) {
    const what = [...entry.apps, ...entry.vendors, ...entry.lists, inlineTitle(entry)].filter(
      part => part !== ''
    )
    const madeUp = [network, ...ID_PREFIX[kind], what.join('+')].join('/')
    return {
      id: entry.id ?? this.ids.unique(madeUp),
      position: location.position,
      sources: this.sources.resolve(entry, kind, location, nameAt),
      ...this.dates.term(entry, location),
      ...(entry.schedule && { schedule: scheduleOf(entry.schedule, this.dates.zone) })
    }
  }

  private reply(entry: BlockEntry, sources: readonly NameSource[], location: Location): Reply {
    const reply = replyOf(entry, this.file.defaults, location)
    const { target } = reply
    if (target !== undefined && sources.some(source => blocksName(source, sources, target))) {
      const at = location.at('target')
      at.error('RULES_TARGET_BANNED', at.pathText)
    }
    return reply
  }

  /** The rules of an `allow` or `block` list: one for its plain names, and one for each mapping. */
  private listRules<E extends AllowEntry, R extends Rule>(
    entries: readonly (E | Pattern)[],
    plain: E,
    location: Location,
    make: (entry: E, location: Location, nameAt?: LocationOf) => R
  ): R[] {
    const names = entries.flatMap((entry, index) =>
      'cover' in entry ? [{ pattern: entry, index }] : []
    )
    const rule = { ...plain, names: names.map(({ pattern }) => pattern) }
    const first = names.length > 0 ? [make(rule, location, i => location.at(names[i]!.index))] : []
    const others = entries.flatMap((entry, index) =>
      'cover' in entry ? [] : [make(entry, location.at(index))]
    )
    return [...first, ...others]
  }

  private warnAboutDates(
    entry: BanEntry,
    until: number,
    review: number | undefined,
    location: Location
  ): void {
    const { now } = this.dates
    if (review !== undefined && review > until) {
      const at = location.at('review')
      at.warn('RULES_REVIEW_LATE', at.pathText, entry.review!, entry.until!)
    }
    if (until <= now) {
      location.warn('RULES_BAN_ENDED', location.pathText, entry.until!)
      return
    }
    if (this.dates.endsSoon(until)) {
      location.at('until').warn('RULES_BAN_ENDS', location.pathText, entry.until!)
    }
    if (review !== undefined && review <= now) {
      location.at('review').warn('RULES_REVIEW_DUE', location.pathText, entry.review!)
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
  if (part?.effect === 'pass' || part?.effect === 'encloser' || isClientPolicy(source)) return false
  if (!coversName(source, name)) return false
  const passes = sources.filter(it => it.part?.effect === 'pass' && it.part.list === part?.list)
  return !passes.some(pass => coversName(pass, name))
}

/** Whether a source covers a name. */
function coversName(source: NameSource, name: Uint8Array): boolean {
  if (source.covers !== undefined) return source.covers(name)
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
