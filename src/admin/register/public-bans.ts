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
  type NetworkRules,
  type RuleSet,
  type CoverCode
} from '../../policy/rules/model/types.js'
import { TEXTS } from './texts.js'
import { lastDayBefore, showInstant } from '../../base/time/instant.js'

/** What the register says of a ban in one language. */
export interface PublicText extends ExplainText {
  readonly justification: string
  readonly title: string
  /** Public names of the networks that have it; `+2`: two more, which have none. */
  readonly networks: readonly string[]
  readonly hours?: string | undefined
}

/** What everybody may know of a ban: nothing about clients, addresses, exceptions or ids of networks and lists. */
export interface PublicBan {
  /** As in its URL. */
  readonly reference: string
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
  /** The number of networks that have it. */
  readonly networks: number
  readonly texts: Readonly<Record<Language, PublicText>>
}

/**
 * The bans of the rules, in the order of the file. Bans in monitor mode block nothing, so they are not
 * listed. @param now decides what is in force
 */
export function publicBans({ networks, timeZone }: RuleSet, now: Seconds): PublicBan[] {
  const holders = new Map<Ban, NetworkRules[]>()
  for (const network of networks) {
    for (const rule of network.rules) {
      if (rule.kind !== 'ban' || rule.mode === 'monitor') continue
      holders.set(rule, [...(holders.get(rule) ?? []), network])
    }
  }
  const bans = [...holders.keys()].sort((a, b) => a.position.line - b.position.line)
  return bans.map(ban => publicBan(ban, holders.get(ban)!, timeZone, now))
}

function publicBan(
  ban: Ban,
  networks: readonly NetworkRules[],
  timeZone: string,
  now: Seconds
): PublicBan {
  const { id, sources, authority, reference, referenceUrl, legalBasis, from, until } = ban
  const passed = sources.filter(source => source.kind === 'inline' && isPassPart(source))
  const blocked = sources.filter(source => !passed.includes(source))
  const shown = (instant: Seconds): string | undefined =>
    Number.isFinite(instant) ? showInstant(instant, timeZone).replace(/T00:00:00.*/, '') : undefined
  const textIn = (language: Language): PublicBan['texts'][Language] => {
    const text = ban.reply.explain?.texts[language] ?? { contact: [] }
    const titles = [...new Set(blocked.flatMap(source => titlesOf(source, language)))]
    const title = text.title ?? titles.join(', ')
    const facts = { title, authority, reference }
    return {
      ...text,
      title,
      justification: text.justification ?? blockSentence(language, facts, text),
      networks: networkNames(networks, language),
      ...(ban.schedule && { hours: localHours(ban.schedule.text, language) })
    }
  }
  return {
    reference: publicReference(id),
    except: passed.flatMap(source => titlesOf(source, 'en')),
    state: until <= now ? 'ended' : from > now ? 'upcoming' : 'in force',
    authority,
    decision: reference,
    decisionUrl: referenceUrl,
    legalBasis,
    from: shown(from),
    lastDay: Number.isFinite(until) ? (lastDayBefore(until, timeZone) ?? shown(until)) : undefined,
    networks: networks.length,
    texts: Object.fromEntries(LANGUAGES.map(it => [it, textIn(it)])) as PublicBan['texts']
  }
}

/** Names of a ban that its title has; a number says how many more there are. */
const MOST_NAMES = 5

/** The names of networks that have one in this language, or else in the first that has one; then how many have none. */
function networkNames(networks: readonly NetworkRules[], language: Language): string[] {
  const names = networks.flatMap(({ titles = {} }) => {
    const found = [language, ...LANGUAGES].find(it => titles[it] !== undefined)
    return found === undefined ? [] : [titles[found]!]
  })
  const more = networks.length - names.length
  return [...new Set(names), ...(more === 0 ? [] : [names.length === 0 ? `${more}` : `+${more}`])]
}

/** Days as schedules write them. 2024 began with a Monday. */
const DAY_NAMES = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']

/** The hours of a schedule with the days of a language. */
function localHours(text: string, language: Language): string {
  const days = new Intl.DateTimeFormat(language, { weekday: 'short', timeZone: 'UTC' })
  return text.replaceAll(/\b(mon|tue|wed|thu|fri|sat|sun)\b/g, day =>
    days.format(Date.UTC(2024, 0, 1 + DAY_NAMES.indexOf(day)))
  )
}

/** Of an app its title, of names written in the rule these. A list has only an id, which is internal. */
function titlesOf(source: NameSource, language: Language): readonly string[] {
  if (source.kind === 'list') return [TEXTS[language].list]
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
