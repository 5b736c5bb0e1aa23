import { createHash } from 'node:crypto'
import { readAddress } from '../../src/base/values/address.js'
import { dsRdata, newKey, signWith, type ZoneKey } from '../dnssec/keys.js'
import { bitmap, TYPE, wire, type Rr } from '../dnssec/zone.js'
import { typeCode } from '../resolver/message-octets.js'

const TTL = 3600
/** DSA and SHA-1, which Unbound's test program takes for right whatever is signed: `fake-dsa`, `fake-sha1`. */
const FAKED: ReadonlySet<number> = new Set([1, 3, 5, 6, 7])
const ALGORITHMS: Readonly<Record<string, number>> = { RSAMD5: 1, DSA: 3, RSASHA1: 5 }

const u16 = (value: number | string): number[] => [Number(value) >> 8, Number(value) & 0xff]
const u32 = (value: number | string): number[] => [
  ...u16(Number(value) >>> 16),
  ...u16(Number(value) & 0xffff)
]
const plain = (name: string): string => {
  if (name.includes('\\')) throw new Error(`escapes in a name: ${name}`)
  return name === '.' ? '.' : name.toLowerCase().replace(/\.$/, '')
}
const nameOf = (word: string): Uint8Array => wire(plain(word))
const base64 = (words: readonly string[]): Buffer => Buffer.from(words.join(''), 'base64')
const hex = (words: readonly string[]): Buffer => Buffer.from(words.join(''), 'hex')

/** Seconds since 1970 from `20070926134150`, or from seconds. */
export function timeOf(text: string): number {
  const [, ...parts] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(text) ?? []
  if (parts.length === 0) return Number(text)
  const [year, month, ...rest] = parts.map(Number) as [number, number, number]
  return Date.UTC(year, month - 1, ...rest) / 1000
}

const B32 = '0123456789abcdefghijklmnopqrstuv'
function base32(text: string): number[] {
  const bits = text
    .toLowerCase()
    .match(/./g)!
    .map(it => B32.indexOf(it).toString(2).padStart(5, '0'))
  return (bits.join('').match(/.{8}/g) ?? []).map(part => parseInt(part, 2))
}

/** Types that the product has no name for. */
const OTHER_TYPES: Readonly<Record<string, number>> = {
  PX: 26,
  LOC: 29,
  NSEC3PARAM: 51,
  ZONEMD: 63
}
export const typeOf = (word: string): number => OTHER_TYPES[word] ?? typeCode(word)
const types = (words: readonly string[]): number[] => bitmap(words.map(typeOf))
const algorithmOf = (word: string): number => ALGORITHMS[word] ?? Number(word)
const texts = (words: readonly string[]): number[] =>
  [...words.join(' ').matchAll(/"([^"]*)"|(\S+)/g)].flatMap(([, quoted, bare]) => {
    const octets = Buffer.from(quoted ?? bare!, 'latin1')
    return [octets.length, ...octets]
  })

const RDATA: Readonly<Record<string, (words: readonly string[]) => Iterable<number>>> = {
  A: ([address]) => readAddress(address!).subarray(12),
  AAAA: ([address]) => readAddress(address!),
  NS: ([name]) => nameOf(name!),
  CNAME: ([name]) => nameOf(name!),
  DNAME: ([name]) => nameOf(name!),
  PTR: ([name]) => nameOf(name!),
  MX: ([preference, name]) => [...u16(preference!), ...nameOf(name!)],
  SOA: ([primary, mailbox, ...numbers]) => [
    ...nameOf(primary!),
    ...nameOf(mailbox!),
    ...numbers.flatMap(u32)
  ],
  TXT: texts,
  SRV: ([a, b, c, name]) => [...[a!, b!, c!].flatMap(u16), ...nameOf(name!)],
  NAPTR: words => {
    const fields = [...words.join(' ').matchAll(/"([^"]*)"|(\S+)/g)].map(it => it[1] ?? it[2]!)
    const strings = fields.slice(2, 5).flatMap(it => [it.length, ...Buffer.from(it, 'latin1')])
    return [...fields.slice(0, 2).flatMap(u16), ...strings, ...nameOf(fields[5]!)]
  },
  PX: ([preference, first, second]) => [...u16(preference!), ...nameOf(first!), ...nameOf(second!)],
  TLSA: ([a, b, c, ...data]) => [...[a!, b!, c!].map(Number), ...hex(data)],
  DS: ([tag, algorithm, digest, ...data]) => [
    ...u16(tag!),
    algorithmOf(algorithm!),
    Number(digest),
    ...hex(data)
  ],
  DNSKEY: ([flags, protocol, algorithm, ...key]) => [
    ...u16(flags!),
    Number(protocol),
    algorithmOf(algorithm!),
    ...base64(key)
  ],
  RRSIG: ([type, algorithm, labels, ttl, expiration, inception, tag, signer, ...data]) => [
    ...u16(typeOf(type!)),
    algorithmOf(algorithm!),
    Number(labels),
    ...u32(ttl!),
    ...u32(timeOf(expiration!)),
    ...u32(timeOf(inception!)),
    ...u16(tag!),
    ...nameOf(signer!),
    ...base64(data)
  ],
  NSEC: ([next, ...words]) => [...nameOf(next!), ...types(words)],
  NSEC3: ([hash, flags, iterations, salt, next, ...words]) => {
    const octets = salt === '-' ? Buffer.alloc(0) : Buffer.from(salt!, 'hex')
    const hashed = base32(next!)
    return [
      ...[Number(hash), Number(flags), ...u16(iterations!), octets.length, ...octets],
      ...[hashed.length, ...hashed, ...types(words)]
    ]
  }
}

/** `a.  IN  TXT "text"`, with or without TTL and class. @throws Error for types that this reader does not know */
export function readRecord(text: string): Rr {
  const [owner, ...words] = text.replace(/[()]/g, ' ').trim().split(/\s+/)
  let ttl = TTL
  while (/^(\d+|IN)$/i.test(words[0] ?? '')) {
    const word = words.shift()!
    if (/^\d/.test(word)) ttl = Number(word)
  }
  const type = words.shift()?.toUpperCase() ?? ''
  const generic = words[0] === '\\#' ? hex(words.slice(2)) : undefined
  const rdata = generic ?? RDATA[type]?.(words)
  if (rdata === undefined) throw new Error(`records of type ${type}`)
  return { name: plain(owner!), type: typeOf(type), ttl, rdata: Uint8Array.from(rdata) }
}

/**
 * Replaces keys of algorithms that Unbound's test program fakes, and their DS, by keys of P-256, and makes signatures by them with the
 * fields that the scenario has. So they verify here as well, and all else of a scenario stays as it is.
 */
export class Resigner {
  private readonly keys = new Map<
    string,
    { readonly original: Uint8Array; readonly key: ZoneKey }
  >()

  /** Tells the keys of all zones. */
  learn(records: readonly Rr[]): void {
    for (const { name, type, rdata } of records) {
      if (type !== TYPE.DNSKEY || !FAKED.has(rdata[3]!)) continue
      const id = `${name}/${rdata[3]}/${tagOf(rdata)}`
      const flags = (rdata[0]! << 8) | rdata[1]!
      if (!this.keys.has(id)) this.keys.set(id, { original: rdata, key: newKey(13, flags) })
    }
  }

  /** Makes a key for a trust anchor whose zone has none: it matches no DNSKEY. */
  learnAnchor({ name, type, rdata }: Rr): void {
    if (type !== TYPE.DS || !FAKED.has(rdata[2]!)) return
    const id = `${name}/${rdata[2]}/${(rdata[0]! << 8) | rdata[1]!}`
    if (!this.keys.has(id)) this.keys.set(id, { original: rdata, key: newKey(13, 257) })
  }

  /** The records of one section, with keys and signatures replaced. */
  resign(records: readonly Rr[]): Rr[] {
    const replaced = records.map(rr => this.withNewKey(rr))
    return replaced.map(rr => (rr.type === TYPE.RRSIG ? this.withNewSignature(rr, replaced) : rr))
  }

  private withNewKey(rr: Rr): Rr {
    const { name, type, rdata } = rr
    if (type === TYPE.DNSKEY && FAKED.has(rdata[3]!)) {
      const known = this.keys.get(`${name}/${rdata[3]}/${tagOf(rdata)}`)
      return known === undefined ? rr : { ...rr, rdata: known.key.rdata }
    }
    if (type !== TYPE.DS || !FAKED.has(rdata[2]!)) return rr
    const known = this.keys.get(`${name}/${rdata[2]}/${(rdata[0]! << 8) | rdata[1]!}`)
    if (known === undefined) return rr
    const made = dsRdata(wire(name), known.key)
    if (!isDigestOf(rdata, name, known.original)) made.fill(0, 4)
    return { ...rr, rdata: made }
  }

  private withNewSignature(rr: Rr, section: readonly Rr[]): Rr {
    const { name, rdata } = rr
    if (!FAKED.has(rdata[2]!)) return rr
    const [type, labels] = [(rdata[0]! << 8) | rdata[1]!, rdata[3]!]
    const end = 18 + nameLength(rdata.subarray(18))
    const signer = nameText(rdata.subarray(18, end))
    const known = this.keys.get(`${signer}/${rdata[2]}/${(rdata[16]! << 8) | rdata[17]!}`)
    // Without data it is one that must fail, even if Unbound fakes algorithms.
    if (known === undefined || rdata.length === end) return rr
    const { key } = known
    const prefix = rdata.slice(0, end)
    prefix.set([key.algorithm], 2)
    prefix.set(u16(key.tag), 16)
    const own = name === '.' ? [] : name.split('.')
    const signed = own.length > labels ? ['*', ...own.slice(own.length - labels)].join('.') : name
    const owner = signed === '' ? '.' : signed
    const group = section.filter(one => one.name === name && one.type === type)
    const sorted = group.map(one => one.rdata).sort((a, b) => Buffer.compare(a, b))
    const data = sorted.flatMap(octets => [
      ...[...wire(owner), ...u16(type), 0, 1, ...rdata.subarray(4, 8)],
      ...[...u16(octets.length), ...octets]
    ])
    const signature = signWith(key, Uint8Array.from([...prefix, ...data]))
    return { ...rr, rdata: Uint8Array.from([...prefix, ...signature]) }
  }
}

function tagOf(rdata: Uint8Array): number {
  // Of algorithm 1 it is in the modulus. RFC 4034 appendix B.1.
  if (rdata[3] === 1) return (rdata.at(-3)! << 8) | rdata.at(-2)!
  let sum = 0
  for (const [i, octet] of rdata.entries()) sum += i & 1 ? octet : octet * 256
  return (sum + Math.floor(sum / 65_536)) % 65_536
}

function isDigestOf(ds: Uint8Array, name: string, key: Uint8Array): boolean {
  const hash = { 1: 'sha1', 2: 'sha256', 4: 'sha384' }[ds[3]!]
  if (hash === undefined) return false
  const digest = createHash(hash).update(wire(name)).update(key).digest()
  return digest.equals(ds.subarray(4))
}

function nameLength(octets: Uint8Array): number {
  let at = 0
  while (octets[at] !== 0) at += 1 + octets[at]!
  return at + 1
}

function nameText(octets: Uint8Array): string {
  const labels: string[] = []
  for (let at = 0; octets[at] !== 0; at += 1 + octets[at]!)
    labels.push(Buffer.from(octets.subarray(at + 1, at + 1 + octets[at]!)).toString('latin1'))
  return labels.length === 0 ? '.' : labels.join('.')
}
