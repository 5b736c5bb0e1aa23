import { LANGUAGES, type Language } from '../../policy/rules/model/user-explanation.js'

/**
 * The language that a visitor prefers, of those that there are. RFC 9110 §12.5.4; ranges match by their first
 * subtag, and those with weight 0 are not acceptable.
 *
 * @param header `Accept-Language`; undefined: not sent
 */
export function preferredLanguage(header: string | undefined, otherwise: Language): Language {
  const ranges = (header ?? '').split(',').map((text, order) => {
    const [range = '', ...parameters] = text.trim().toLowerCase().split(';')
    const weight = parameters
      .map(it => /^\s*q=([01](?:\.\d{0,3})?)\s*$/.exec(it)?.[1])
      .find(Boolean)
    return { range: range.split('-')[0]!, weight: Number(weight ?? 1), order }
  })
  const acceptable = ranges.filter(({ weight }) => weight > 0)
  const sorted = acceptable.toSorted((a, b) => b.weight - a.weight || a.order - b.order)
  for (const { range } of sorted) {
    const found = range === '*' ? otherwise : LANGUAGES.find(it => it === range)
    if (found !== undefined) return found
  }
  return otherwise
}
