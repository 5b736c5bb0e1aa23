import type { Formatter } from './locale-format.js'
import type { Values } from './translate.js'
import type { Messages } from './messages/dashboard-texts.js'

/**
 * Sentences that the gateway or the hub writes in English, and the text that says the same. Groups are values of the text; those whose
 * name begins with `rest` are such sentences themselves.
 */
export type Sentences = readonly (readonly [RegExp, keyof Messages])[]

export type Say = (key: keyof Messages, values?: Values) => string

/** A sentence in the language of the reader; any other text, such as the reason that a person gave, as it is. */
export function translateSentence(
  sentences: Sentences,
  sentence: string,
  say: Say,
  format: Formatter
): string {
  for (const [pattern, key] of sentences) {
    const match = pattern.exec(sentence)
    if (match === null) continue
    const values = Object.entries(match.groups ?? {}).map(([name, value]) => [
      name,
      name.startsWith('rest')
        ? translateSentence(sentences, value, say, format)
        : valueText(value, format)
    ])
    return say(key, Object.fromEntries(values) as Values)
  }
  return valueText(sentence, format)
}

/** Shares, changes, times and dates as the reader writes them. */
export function valueText(value: string, format: Formatter): string {
  if (/^[+-]\d+%$/.test(value)) return format.change(Number.parseFloat(value) / 100)
  if (/^[\d.]+%$/.test(value)) return format.share(Number.parseFloat(value) / 100)
  if (/^[\d.]+ ms$/.test(value)) return format.milliseconds(Number.parseFloat(value))
  if (/^\d{1,3}(,\d{3})+$/.test(value)) return format.count(Number(value.replaceAll(',', '')))
  if (/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value)) return format.dateTime(value)
  // Meant in the time zone of the formatter, which is UTC for such texts.
  if (/^\d{4}-\d\d-\d\d \d\d:\d\d$/.test(value))
    return format.dateTime(`${value.replace(' ', 'T')}Z`)
  return /^\d{4}-\d\d-\d\d$/.test(value) ? format.day(value) : value
}
