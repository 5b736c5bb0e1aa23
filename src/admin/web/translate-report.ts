import type { Formatter } from './locale-format.js'
import { translateSentence, valueText, type Say, type Sentences } from './sentences.js'
import type { Messages } from './messages/dashboard-texts.js'

/** Facts of a report, and the texts that name them. The headline figures say what others do. */
const LABELS: Readonly<Record<string, keyof Messages>> = {
  Period: 'log.period',
  'First and last': 'reportText.firstAndLast',
  Lookups: 'reportText.matched',
  Compared: 'reportText.compared',
  Bans: 'bans.about',
  Authority: 'bans.authority',
  'Legal basis': 'bans.legalBasis',
  Reference: 'bans.reference',
  Owner: 'bans.owner',
  'In force': 'state.in force',
  Review: 'bans.review',
  Answer: 'bans.action',
  Rule: 'why.where',
  'Query log': 'system.log'
}

const SENTENCES: Sentences = [
  [/^Daily report, (?<rest>.+)$/, 'reportText.daily'],
  [/^Weekly report, (?<rest>.+)$/, 'reportText.weekly'],
  [/^Monthly report, (?<rest>.+)$/, 'reportText.monthly'],
  [/^Evidence for the ban (?<id>\S+)$/, 'reportText.ban'],
  [/^from (?<rest>\S+) until (?<restTo>\S+)$/, 'reportText.span'],
  [
    /^(?<rest>\d{4}-[\d :-]+|the start of the log) to (?<restTo>\d{4}-[\d :-]+|now)$/,
    'reportText.span'
  ],
  [/^from (?<rest>[\d-]+)$/, 'reportText.from'],
  [/^until (?<rest>[\d-]+)$/, 'reportText.until'],
  [/^no end date$/, 'bans.open'],
  [/^the start of the log$/, 'reportText.start'],
  [/^now$/, 'reportText.now'],
  [/^no lookups of the (?<rest>.+) in the log$/, 'reportText.noneEarlier'],
  [/^nothing blocked in the (?<rest>.+)$/, 'reportText.noneBlocked'],
  [
    /^blocked (?<change>\S+) against the (?<rest>.+) \((?<count>[\d,]+)\)$/,
    'reportText.blockedAgainst'
  ],
  [/^same weekday of the week before$/, 'reportText.weekday'],
  [/^week before$/, 'reportText.week'],
  [/^month before$/, 'reportText.month'],
  [/^The .+ before is not complete: its first lookup is of (?<at>.+)\.$/, 'reportText.incomplete'],
  [/^The log has no lookups of that \w+: it starts at (?<at>[\d :-]+)\..*$/, 'reportText.tooEarly'],
  [/^No rule matched (?<count>[\d,]+) lookups?:.*$/, 'reportText.noRule'],
  [/^The rules could not be read, .*$/, 'reportText.noRules'],
  [/^A client with a hard-coded resolver address .*$/, 'reportText.hardCoded'],
  [/^Clients are prefixes of addresses here: .*$/, 'reportText.prefixes'],
  [/^Clients are pseudonyms of a day or month here: .*$/, 'reportText.pseudonyms'],
  [/^The client (?<id>\S+) has (?<share>[\d.]+%) of all blocked lookups\.$/, 'reportText.busiest'],
  [/^enforced$/, 'reportText.enforced'],
  [/^monitored$/, 'report.monitored'],
  [/^not banned$/, 'reportText.notBanned'],
  [/^by (?<id>\S+)$/, 'reportText.otherBan']
]

const COUNTS = /([\d,]+) (blocked|monitored|allowed|without a matching rule)/g
const COUNTED: Readonly<Record<string, keyof Messages>> = {
  blocked: 'report.blocked',
  monitored: 'report.monitored',
  allowed: 'report.allowed',
  'without a matching rule': 'reportText.withoutRule'
}

/** `Compared` in the language of the reader; undefined: a headline figure says the same. */
export function factLabel(label: string, say: Say): string | undefined {
  const key = LABELS[label]
  return key === undefined ? undefined : say(key)
}

/**
 * Title, fact, remark or word of a report in the language of the reader, as far as it is known.
 *
 * @param format with UTC: times in texts are in the report's time zone
 */
export function reportText(text: string, say: Say, format: Formatter): string {
  const [, total, counts] = /^([\d,]+): (.+)$/.exec(text) ?? []
  if (total === undefined) return translateSentence(SENTENCES, text, say, format)
  const parts = counts!.replace(
    COUNTS,
    (_, count: string, what: string) => `${say(COUNTED[what]!)} ${valueText(count, format)}`
  )
  return [valueText(total, format), ...parts.split(', ')].join(' · ')
}
