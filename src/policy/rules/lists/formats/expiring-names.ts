import type { Prefix } from '../../../../base/values/address.js'
import { epochSeconds, systemClock } from '../../../../base/time/clock.js'
import type { Seconds } from '../../../../base/units.js'
import type { AtLine } from '../../model/yaml-source.js'
import { PREFIX_BIT, type Expiries } from '../../model/expiries.js'
import { PackedNames } from '../packed-names.js'

/** Keys that are sorted have a time and a line or an index: 28 + 25 bits of a double. */
const TIME_RANGE = 2 ** 28
const LINE_RANGE = 2 ** 25

/**
 * Orders names so that the one that expires last comes first: of several lines with one name, the first one stays in the
 * name table, so that a name leaves the list with its last line.
 *
 * @param untilOf when the lines expire, by line; 0: never
 */
export function orderByExpiry(
  names: PackedNames,
  prefixes: readonly AtLine<Prefix>[],
  untilOf: Uint32Array
): { names: PackedNames; expiries: Expiries } {
  const now = epochSeconds(systemClock)
  const until = (line: number): number => untilOf[line] ?? 0
  return {
    names: ordered(names, line => timeLeft(until(line), now)),
    expiries: sortedExpiries(names, prefixes, until, now)
  }
}

/** What expires in more than 8 years is as good as permanent: lists are loaded before. */
function timeLeft(until: Seconds, now: Seconds): number {
  return until === 0 ? TIME_RANGE - 1 : Math.min(TIME_RANGE - 1, Math.max(0, until - now))
}

function ordered(names: PackedNames, left: (line: number) => number): PackedNames {
  const keys = new Float64Array(names.count)
  const starts = new Float64Array(names.count)
  let octets = new Uint8Array(0)
  let index = 0
  names.forEach((all, at, _length, _cover, line) => {
    octets = all as Uint8Array<ArrayBuffer>
    starts[index] = at
    keys[index] = (TIME_RANGE - 1 - left(line)) * LINE_RANGE + index
    index++
  })
  keys.sort()
  const result = new PackedNames()
  for (const key of keys) result.addFrom(octets, starts[key % LINE_RANGE]!)
  return result
}

function sortedExpiries(
  names: PackedNames,
  prefixes: readonly AtLine<Prefix>[],
  until: (line: number) => Seconds,
  now: Seconds
): Expiries {
  const keys = new Float64Array(names.count + prefixes.length)
  let count = 0
  const add = (line: number, isPrefix: boolean): void => {
    const left = timeLeft(until(line), now)
    if (left === TIME_RANGE - 1 || line >= LINE_RANGE / 2) return
    keys[count++] = left * LINE_RANGE + 2 * line + Number(isPrefix)
  }
  names.forEach((_octets, _at, _length, _cover, line) => add(line, false))
  for (const { line } of prefixes) add(line, true)
  const pairs = new Uint32Array(new SharedArrayBuffer(8 * count))
  keys
    .subarray(0, count)
    .sort()
    .forEach((key, i) => {
      const low = key % LINE_RANGE
      pairs[2 * i] = now + (key - low) / LINE_RANGE
      pairs[2 * i + 1] = (low % 2 === 1 ? PREFIX_BIT : 0) + Math.floor(low / 2)
    })
  return pairs
}
