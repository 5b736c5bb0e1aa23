import type { Formatter } from './format.js'
import type { Messages, Values } from './translate.js'

/**
 * What the hub writes about rings and into its journal, and the text that says the same. Groups are values of the text; `rest` is such
 * a sentence itself.
 */
const SENTENCES: readonly (readonly [RegExp, keyof Messages])[] = [
  [/^(?<rest>.+) at once \(--now\)$/, 'hub.atOnce'],
  [/^bundle (?<serial>\d+) published to ring (?<ring>\S+)$/, 'hub.published'],
  [
    /^bundle (?<serial>\d+) published as a rollback to (?<back>\d+) to ring (?<ring>\S+)$/,
    'hub.rollback'
  ],
  [/^bundle (?<serial>\d+) promoted to ring (?<ring>\S+)$/, 'hub.promoted'],
  [/^ring (?<ring>\S+): bundle (?<serial>\d+) halted: (?<rest>.+)$/, 'hub.halted'],
  [/^ring (?<ring>\S+): bundle (?<serial>\d+) within the band for the set time$/, 'hub.within'],
  [/^gateway (?<name>\S+) enrolled in ring (?<ring>\S+)$/, 'hub.enrolled'],
  [/^gateway (?<name>\S+) revoked$/, 'hub.revoked'],
  [/^token for gateway (?<name>\S+) in ring (?<ring>\S+), until (?<time>\S+)$/, 'hub.token'],
  [/^(?<name>\S+) refuses bundle (?<serial>\d+): (?<message>.+)$/, 'hub.refuses'],
  [/^(?<n>\d+) of (?<all>\d+) gateways not ready, (?<name>\S+): (?<problems>.+)$/, 'hub.notReady'],
  [/^blocked (?<now>\S+) of lookups, expected (?<expected>\S+) ± (?<band>\S+)$/, 'hub.blocked'],
  [/^SERVFAIL (?<now>\S+) of responses, expected at most (?<most>\S+)$/, 'hub.servfail'],
  [/^mean response time (?<now>\S+ ms), expected at most (?<most>\S+ ms)$/, 'hub.time'],
  [/^no gateway of the ring has reported$/, 'hub.unheard'],
  [/^(?<n>\d+) of (?<all>\d+) gateways run it$/, 'hub.running'],
  [/^(?<n>\d+) of (?<all>\d+) lookups$/, 'hub.lookups']
]

type Say = (key: keyof Messages, values: Values) => string

/** A sentence of the hub in the language of the reader; any other text, such as the reason that a person gave, as it is. */
export function hubText(sentence: string, say: Say, format: Formatter): string {
  for (const [pattern, key] of SENTENCES) {
    const match = pattern.exec(sentence)
    if (match === null) continue
    const values = Object.entries(match.groups ?? {}).map(([name, value]) => [
      name,
      name === 'rest' ? hubText(value, say, format) : valueText(value, format)
    ])
    return say(key, Object.fromEntries(values) as Values)
  }
  return sentence
}

/** Shares, times and dates as the reader writes them. */
function valueText(value: string, format: Formatter): string {
  if (/^[\d.]+%$/.test(value)) return format.share(Number.parseFloat(value) / 100)
  if (/^[\d.]+ ms$/.test(value)) return format.milliseconds(Number.parseFloat(value))
  return /^\d{4}-\d\d-\d\dT/.test(value) ? format.dateTime(value) : value
}
