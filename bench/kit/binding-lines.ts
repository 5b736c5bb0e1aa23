import type { Milliseconds } from '../../src/base/units.js'

/** The address of a number, behind the first octet: `127.0.0.1` is 1. */
export const addressOf = (first: string, i: number): string =>
  `${first}${i >> 16}.${(i >> 8) & 255}.${i & 255}`

/** A line of a JSON feed. @param device which one of all has the address */
export function bindingLine(address: string, device: number, now: Milliseconds): string {
  const mac = `02:00:${(device + 2 ** 32).toString(16).slice(1).match(/../g)!.join(':')}`
  const from = new Date(now - 60_000).toISOString()
  return `${JSON.stringify({ address, mac, user: `user${device}`, groups: ['g'], from })}\n`
}

/** A device for each address. @param first octet of the addresses: `10.` */
export function bindingLines(count: number, first: string, now: Milliseconds): string {
  return Array.from({ length: count }, (_, i) => bindingLine(addressOf(first, i), i, now)).join('')
}
