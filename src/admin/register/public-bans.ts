import type { Octets, Seconds } from '../../base/units.js'
import { showCanonical, showName } from '../../wire/dns/name/name.js'
import {
  blockSentence,
  LANGUAGES,
  type ExplainText,
  type Language
} from '../../policy/rules/model/user-explanation.js'
import { publicReference } from '../../policy/rules/model/public-reference.js'
import {
  COVER,
  isPassPart,
  type Ban,
  type NameSource,
  type RuleSet,
  type CoverCode
} from '../../policy/rules/model/types.js'
import { lastDayBefore, showInstant } from '../../base/time/instant.js'

/** What everybody may know of a ban: nothing about clients, addresses or exceptions. */
export interface PublicBan {
  /** As in its URL. */
  readonly reference: string
  /** Of its apps and lists; for names written in the rule, the names. */
  readonly titles: readonly string[]
  /** Names below these that it does not block. */
  readonly except: readonly string[]
  readonly state: 'in force' | 'upcoming' | 'ended'
  readonly authority: string | undefined
  readonly decision: string | undefined
  readonly decisionUrl: string | undefined
  readonly legalBasis: string | undefined
  /** In the time zone of the rules; undefined: not limited. */
  readonly from: string | undefined
  /** The last day, or the time of the end. */
  readonly lastDay: string | undefined
  readonly hours: string | undefined
  /** Ids of the networks that have it. */
  readonly networks: readonly string[]
  readonly texts: Readonly<Record<Language, ExplainText & { readonly justification: string }>>
}

/**
 * The bans of the rules, in the order of the file. Bans in monitor mode block nothing, so they are not
 * listed. @param now decides what is in force
 */
export function publicBans({ networks, timeZone }: RuleSet, now: Seconds): PublicBan[] {
  const holders = new Map<Ban, string[]>()
  for (const { id, rules } of networks) {
    for (const rule of rules) {
      if (rule.kind !== 'ban' || rule.mode === 'monitor') continue
      holders.set(rule, [...(holders.get(rule) ?? []), id])
    }
  }
  const bans = [...holders.keys()].sort((a, b) => a.position.line - b.position.line)
  return bans.map(ban => publicBan(ban, holders.get(ban)!, timeZone, now))
}

function publicBan(
  ban: Ban,
  networks: readonly string[],
  timeZone: string,
  now: Seconds
): PublicBan {
  const { id, sources, authority, reference, referenceUrl, legalBasis, from, until } = ban
  const passed = sources.filter(source => source.kind === 'inline' && isPassPart(source))
  const blocked = sources.filter(source => !passed.includes(source))
  const titles = [...new Set(blocked.flatMap(titlesOf))]
  const shown = (instant: Seconds): string | undefined =>
    Number.isFinite(instant) ? showInstant(instant, timeZone).replace(/T00:00:00.*/, '') : undefined
  const textIn = (language: Language): PublicBan['texts'][Language] => {
    const text = ban.reply.explain?.texts[language] ?? { contact: [] }
    const facts = { title: titles.join(', '), authority, reference }
    return { ...text, justification: text.justification ?? blockSentence(language, facts) }
  }
  return {
    reference: publicReference(id),
    titles,
    except: passed.flatMap(titlesOf),
    state: until <= now ? 'ended' : from > now ? 'upcoming' : 'in force',
    authority,
    decision: reference,
    decisionUrl: referenceUrl,
    legalBasis,
    from: shown(from),
    lastDay: Number.isFinite(until) ? (lastDayBefore(until, timeZone) ?? shown(until)) : undefined,
    hours: ban.schedule?.text,
    networks,
    texts: Object.fromEntries(LANGUAGES.map(it => [it, textIn(it)])) as PublicBan['texts']
  }
}

/** Names of a ban that its title has; a number says how many more there are. */
const MOST_NAMES = 5

/** Of an app or list its title, of names written in the rule these. */
function titlesOf(source: NameSource): readonly string[] {
  if (source.kind !== 'inline') return [source.title]
  const names: string[] = []
  source.writeTo({
    name: (octets: Uint8Array, at: Octets, length: Octets, cover: CoverCode) => {
      const name = showCanonical(showName(octets.subarray(at, at + length)))
      names.push(cover === COVER.below ? `*.${name}` : name)
    },
    prefix: () => undefined
  })
  const more = names.length - MOST_NAMES
  return more > 0 ? [...names.slice(0, MOST_NAMES), `+${more}`] : names
}
