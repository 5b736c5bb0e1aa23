import { createHash, createHmac } from 'node:crypto'
import t from 'tap'
import { readAddress } from '../../../src/base/values/address.js'
import type { PrivacyOptions } from '../../../src/lookups/privacy/privacy-mode.js'
import { Formatter } from '../../../src/lookups/record/formatter.js'
import type { QueryRecord } from '../../../src/lookups/event/schema.js'
import { eventOf, matchedRule, snapshotOf, WALL } from '../record/events.js'

/*
 * What somebody can find out who has the log, knows how pseudonyms are made, and can try every
 * address of a network, but has no key.
 */

const DAY = 86_400_000
const SECRETS = [1, 2].map(day => createHash('sha256').update(`secret of day ${day}`).digest())
const CLIENTS = ['10.20.3.4', '10.20.3.5', '10.20.200.4', '2001:db8:20:42ff:1::7']

/** Lines of two days, each client asking on both, and the clients in them. */
function logOf(preservePrefix: boolean) {
  let text = ''
  const sink = (block: Uint8Array): boolean => {
    text += Buffer.from(block).toString()
    return true
  }
  const keyAt = (wall: number) => {
    const day = Math.floor((wall - WALL) / DAY)
    return { secret: SECRETS[day]!, start: WALL + day * DAY, end: WALL + (day + 1) * DAY }
  }
  const bits = { ipv4: 24, ipv6: 56 }
  const privacy: PrivacyOptions = { default: 'pseudonym', networks: [], bits, preservePrefix }
  const formatter = new Formatter([], matchedRule, sink, privacy, { keyAt })
  formatter.addSnapshot(snapshotOf(1))
  for (const time of [WALL, WALL + DAY]) {
    for (const client of CLIENTS) formatter.append(eventOf({ client, time }))
  }
  formatter.flush()
  const lines = text.trim().split('\n')
  const seen = lines.map(line => (JSON.parse(line) as QueryRecord).client!)
  return { text, days: [seen.slice(0, CLIENTS.length), seen.slice(CLIENTS.length)] as const }
}

/** Digits that two pseudonyms have in common from their start. */
function commonDigits(a = '', b = ''): number {
  const at = Array.from(a).findIndex((digit, i) => digit !== b[i])
  return at === -1 ? a.length : at
}

for (const preservePrefix of [false, true]) {
  const how = preservePrefix ? 'prefix-preserving' : 'plain'

  t.test(`${how}: neither an address nor a key is in the log, in any encoding`, async t => {
    const { text } = logOf(preservePrefix)
    const addresses = CLIENTS.map(client => Buffer.from(readAddress(client)))
    const ipv4 = addresses.slice(0, 3).map(octets => octets.subarray(12))
    const found = [...addresses, ...ipv4, ...SECRETS].flatMap(secret =>
      (['hex', 'base64', 'base64url', 'latin1'] as const)
        .map(encoding => secret.toString(encoding).toLowerCase())
        .filter(encoded => text.toLowerCase().includes(encoded))
    )
    t.strictSame(found, [])
    t.strictSame(
      CLIENTS.filter(client => text.includes(client)),
      []
    )
  })

  t.test(`${how}: no hash of an address without a key is its pseudonym`, async t => {
    const seen = new Set(logOf(preservePrefix).days.flat())
    const guesses = ['', 'interdict', 'crypto-pan ipv4', '2023-03-13', Buffer.alloc(32)]
    const found: string[] = []
    for (const client of CLIENTS) {
      const address = Buffer.from(readAddress(client))
      for (const octets of [address, address.subarray(12), client]) {
        const hashes = ['md5', 'sha1', 'sha256'].map(name => createHash(name).update(octets))
        const keyed = guesses.map(key => createHmac('sha256', key).update(octets))
        const made = [...hashes, ...keyed].map(hash => hash.digest('hex'))
        const texts = made.flatMap(hex => [8, 16, 32].map(digits => hex.slice(0, digits)))
        found.push(...texts.filter(text => seen.has(text)))
      }
    }
    t.strictSame(found, [])
  })

  t.test(`${how}: nothing links a client of one day to that of the next`, async t => {
    const [first, second] = logOf(preservePrefix).days
    t.equal(new Set([...first, ...second]).size, 2 * CLIENTS.length)
    const common = first.map((text, i) => commonDigits(text, second[i]))
    t.ok(Math.max(...common) < 5, 'no common prefix beyond chance')
  })
}

t.test('only with preserve-prefix are neighbours recognized', async t => {
  const [plain] = logOf(false).days
  t.ok(commonDigits(plain[0], plain[1]) < 5)
  const [preserving] = logOf(true).days
  t.equal(commonDigits(preserving[0], preserving[1]), 7, 'they differ in the last bit only')
  t.equal(commonDigits(preserving[0], preserving[2]), 4, 'the same /16')
})
