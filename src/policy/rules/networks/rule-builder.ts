import { covers, type Pattern } from '../model/pattern.js'
import type { Location } from '../model/location.js'
import { replyOf } from './reply.js'
import type { RuleIds } from './rule-ids.js'
import { inlineTitle, type SourceResolver } from './source-resolver.js'
import { COVER, type Allow, type Ban, type Block, type NameSource } from '../model/types.js'
import { isClientPolicy, type Reply, type Rule, type RuleException } from '../model/types.js'
import { checkExceptionLimits } from './exception-limits.js'
import type { AllowEntry, BanEntry, BlockEntry } from '../schema/networks-schema.js'
import type { ExceptionEntry, NetworkEntry, NetworksFile } from '../schema/networks-schema.js'
import { PLAIN_ALLOW, PLAIN_BLOCK } from '../schema/networks-schema.js'
import { endKey, type Dates } from '../time/dates.js'
import { scheduleOf } from '../time/schedule.js'

/** Builds the rules of networks from the entries of `networks.yaml`. */
export class RuleBuilder {
  private readonly replies = new Map<string, Reply>()

  constructor(
    private readonly sources: SourceResolver,
    private readonly ids: RuleIds,
    private readonly dates: Dates,
    private readonly file: Pick<NetworksFile, 'defaults' | 'exceptions'>
  ) {}

  /** The rules of a network itself, in order of precedence. */
  rulesOf(id: string, network: NetworkEntry, location: Location): Rule[] {
    const { exceptions, bans, allow, block } = network
    this.ids.startNetwork()
    const own: Rule[] = bans.map((entry, i) => this.ban(id, entry, location.at('bans', i)))
    if (exceptions.length + allow.length + block.length === 0) return own
    return [
      ...exceptions.map((entry, i) => this.exception(id, entry, location.at('exceptions', i))),
      ...own,
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
    const { id, position, sources, from, until, schedule } = fields
    const reply = this.reply(entry, sources, location)
    const review = this.dates.instant(entry.review, 'review', location)
    this.warnAboutDates(entry, until, review, location)
    return {
      kind: 'ban',
      id,
      position,
      sources,
      from,
      until,
      schedule,
      mode: entry.mode,
      reply,
      authority: entry.authority,
      reference: entry.reference.title,
      referenceUrl: entry.reference.url,
      legalBasis: entry['legal-basis'],
      owner: entry.owner,
      review
    }
  }

  private exception(network: string, entry: ExceptionEntry, location: Location): RuleException {
    const fields = this.commonFields(network, entry, 'exception', location)
    checkExceptionLimits(this.file.exceptions, entry, fields, location)
    if (fields.until <= this.dates.now) {
      location.warn('RULES_EXCEPTION_ENDED', location.pathText, this.dates.showEnd(fields.until))
    } else if (this.dates.endsSoon(fields.until)) {
      const end = this.dates.showEnd(fields.until)
      location.at(endKey(entry)).warn('RULES_EXCEPTION_ENDS', location.pathText, end)
    }
    return {
      ...fields,
      kind: 'exception',
      prefixes: entry.prefixes ?? [],
      purpose: entry.purpose,
      approvedBy: entry['approved-by'],
      reference: entry.reference?.title,
      referenceUrl: entry.reference?.url
    }
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
    const { from, until } = this.dates.term(entry, location)
    return {
      id: entry.id ?? this.ids.unique(madeUpId(network, entry, kind)),
      position: location.position,
      sources: this.sources.resolve(entry, kind, location, nameAt),
      from,
      until,
      schedule: entry.schedule && scheduleOf(entry.schedule, this.dates.zone)
    }
  }

  private reply(entry: BlockEntry, sources: readonly NameSource[], location: Location): Reply {
    const reply = this.shared(replyOf(entry, this.file.defaults, location))
    const { target } = reply
    if (target !== undefined && sources.some(source => blocksName(source, sources, target))) {
      const at = location.at('target')
      at.error('RULES_TARGET_BANNED', at.pathText)
    }
    return reply
  }

  /** The first equal reply. Few are different. */
  private shared(reply: Reply): Reply {
    const { action, ede, ttl, explain, overrides = false } = reply
    if (reply.sinkhole !== undefined || reply.target !== undefined) return reply
    const key = `${action} ${ede} ${ttl} ${overrides} ${explain ? JSON.stringify(explain) : ''}`
    const known = this.replies.get(key) ?? reply
    this.replies.set(key, known)
    return known
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
      at.warn('RULES_REVIEW_LATE', at.pathText, entry.review!, this.dates.showEnd(until))
    }
    if (until <= now) {
      location.warn('RULES_BAN_ENDED', location.pathText, this.dates.showEnd(until))
      return
    }
    if (this.dates.endsSoon(until)) {
      const end = this.dates.showEnd(until)
      location.at(endKey(entry)).warn('RULES_BAN_ENDS', location.pathText, end)
    }
    if (review !== undefined && review <= now) {
      location.at('review').warn('RULES_REVIEW_DUE', location.pathText, entry.review!)
    }
  }
}

/** `site/exception/tiktok+wechat` */
function madeUpId(network: string, entry: AllowEntry, kind: Rule['kind']): string {
  const what = entry.apps.concat(entry.vendors, entry.lists)
  const title = inlineTitle(entry)
  if (title !== '') what.push(title)
  const infix = ID_INFIX[kind]
  return `${network}/${infix}${what.join('+')}`
}

type LocationOf = (index: number) => Location

/** Path segment of generated ids for each kind of rule; bans have none, for brevity. */
const ID_INFIX = {
  ban: '',
  exception: 'exception/',
  allow: 'allow/',
  block: 'block/',
  record: ''
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
