import { scramble, seeded } from './random.js'

/**
 * Made-up names, always the same ones. Labels of blocked names are letters and digits only, labels
 * of all others hold a hyphen, so that no name is both.
 */

const TLDS = ['com', 'net', 'org', 'info', 'biz'] as const
const tld = (index: number) => TLDS[index % TLDS.length]!

/** Second-level name number `index` of every block list: 7 to 13 random letters and digits. */
export function blockedName(index: number): string {
  const distinct = scramble(index).toString(36).padStart(7, '0')
  const rest = scramble(~index)
    .toString(36)
    .slice(0, scramble(index + 7) % 7)
  return `${distinct}${rest}.${tld(index)}`
}

/** A name that no list holds. */
export const allowedName = (index: number): string =>
  `www.ok-${scramble(index).toString(36)}.${tld(index)}`

/** In the list of this generation and in no other: shows which one is in force. */
export const markerName = (generation: number): string => `generation-${generation}.net`

/**
 * Stands for names never asked before; the load writes a number over the first eight octets. Their
 * lengths are spread as those of popular names are (standard deviation 4.5 octets).
 */
export const freshName = (index: number): string =>
  `00000000${'x'.repeat(scramble(index) % 16)}.fresh-name.com`

/** Popular names, most popular first. */
export function popularNames(count: number): string[] {
  return Array.from(
    { length: count },
    (_, index) => `www.pop-${scramble(index).toString(36)}.${tld(index)}`
  )
}

/** `count` draws from `names`, the first ones most often: rank r with weight 1/r (Zipf). */
export function drawByRank(names: readonly string[], count: number, seed: number): string[] {
  const sums = new Float64Array(names.length)
  let sum = 0
  for (let rank = 0; rank < names.length; rank++) sums[rank] = sum += 1 / (rank + 1)
  const random = seeded(seed)
  return Array.from({ length: count }, () => names[rankAt(sums, random() * sum)]!)
}

/** The first position whose sum is above `value`. */
function rankAt(sums: Float64Array, value: number): number {
  let low = 0
  let high = sums.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if (sums[middle]! > value) high = middle
    else low = middle + 1
  }
  return low
}
