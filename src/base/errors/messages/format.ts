import type { Octets } from '../../units.js'

/** `'text'`, with control characters escaped: the text of a file must not control a terminal. */
export function quote(text: string): string {
  return `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"')}'`
}

const UNITS = ['bytes', 'KB', 'MB', 'GB'] as const

/** `256 MB`: in the largest unit that needs no fraction. */
export function showSize(octets: Octets): string {
  let [count, unit] = [octets, 0]
  while (unit < UNITS.length - 1 && count >= 1024 && count % 1024 === 0) {
    count /= 1024
    unit++
  }
  return `${count} ${UNITS[unit]!}`
}
