import { createHash } from 'node:crypto'
import { dsRdata, newKey, signWith, type ZoneKey } from './keys.js'

export const TYPE = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  NAPTR: 35,
  DNAME: 39,
  DS: 43,
  RRSIG: 46,
  NSEC: 47,
  DNSKEY: 48,
  NSEC3: 50
} as const

/** The time at which all tests validate: 1 June 2026. */
export const NOW = Date.UTC(2026, 5, 1) / 1000
const DAY = 86_400

export interface Nsec3Options {
  readonly iterations?: number
  readonly salt?: Uint8Array
  readonly optOut?: boolean
}

export interface ZoneOptions {
  readonly algorithm?: number
  /** Undefined: NSEC. */
  readonly nsec3?: Nsec3Options
  readonly isSigned?: boolean
  readonly inception?: number
  readonly expiration?: number
  /** DS digests in the parent; none: no DS. */
  readonly digests?: readonly number[]
}

/** One record as it is on the wire; `name` in presentation format, lower case. */
export interface Rr {
  readonly name: string
  readonly type: number
  readonly rdata: Uint8Array
  readonly ttl?: number
}

export function wire(name: string): Uint8Array {
  const labels = name === '.' ? [] : name.split('.')
  return Uint8Array.from([...labels.flatMap(it => [it.length, ...Buffer.from(it)]), 0])
}

const parent = (name: string): string =>
  name.includes('.') ? name.slice(name.indexOf('.') + 1) : '.'
const labelsOf = (name: string): string[] => (name === '.' ? [] : name.split('.'))
export const within = (name: string, zone: string): boolean =>
  zone === '.' || name === zone || name.endsWith(`.${zone}`)
const wildcardOf = (name: string): string => (name === '.' ? '*' : `*.${name}`)

function compare(a: string, b: string): number {
  const [x, y] = [labelsOf(a).reverse(), labelsOf(b).reverse()]
  for (let i = 0; i < Math.min(x.length, y.length); i++) {
    const order = Buffer.compare(Buffer.from(x[i]!), Buffer.from(y[i]!))
    if (order !== 0) return order
  }
  return x.length - y.length
}

const u16 = (value: number): number[] => [value >> 8, value & 0xff]
const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value & 0xffff)]

export function bitmap(types: readonly number[]): number[] {
  const windows = new Map<number, number[]>()
  for (const type of types) {
    const octets = windows.get(type >> 8) ?? []
    const at = (type & 0xff) >> 3
    while (octets.length <= at) octets.push(0)
    octets[at]! |= 0x80 >> (type & 7)
    windows.set(type >> 8, octets)
  }
  return [...windows]
    .sort(([a], [b]) => a - b)
    .flatMap(([window, octets]) => [window, octets.length, ...octets])
}

const B32 = '0123456789abcdefghijklmnopqrstuv'
function base32(octets: Uint8Array): string {
  const bits = [...octets].map(octet => octet.toString(2).padStart(8, '0')).join('')
  return (bits.match(/.{5}/g) ?? []).map(part => B32[parseInt(part, 2)]).join('')
}

/** A zone made and signed for tests, with its own code. */
export class Zone {
  readonly ksk: ZoneKey
  readonly zsk: ZoneKey
  readonly records: Rr[] = []
  /** Additional DNSKEY RDATA. */
  readonly extraKeys: Uint8Array[] = []
  private built: readonly Rr[] | undefined

  constructor(
    readonly name: string,
    readonly options: ZoneOptions = {}
  ) {
    this.ksk = newKey(options.algorithm, 257)
    this.zsk = newKey(options.algorithm, 256)
    const host = wire('ns.example')
    this.add(name, TYPE.SOA, [
      ...host,
      ...host,
      ...u32(1),
      ...u32(2),
      ...u32(3),
      ...u32(4),
      ...u32(300)
    ])
    this.add(name, TYPE.NS, host)
  }

  get isSigned(): boolean {
    return this.options.isSigned !== false
  }

  add(name: string, type: number, rdata: Iterable<number>, ttl = 3600): this {
    this.records.push({ name, type, rdata: Uint8Array.from(rdata), ttl })
    this.built = undefined
    return this
  }

  a(name: string, last = 1): this {
    return this.add(name, TYPE.A, [192, 0, 2, last])
  }

  cname(name: string, target: string): this {
    return this.add(name, TYPE.CNAME, wire(target))
  }

  /** Delegates to a child, with DS of its KSK if it is signed and has `digests`. */
  delegate(child: Zone): this {
    this.add(child.name, TYPE.NS, wire('ns.example'))
    const { digests = [2] } = child.options
    if (child.isSigned)
      for (const digest of digests)
        this.add(child.name, TYPE.DS, dsRdata(wire(child.name), child.ksk, digest))
    return this
  }

  /** All records with signatures and denial. */
  get all(): readonly Rr[] {
    this.built ??= this.build()
    return this.built
  }

  at(name: string, type: number): Rr[] {
    return this.all.filter(rr => rr.name === name && (rr.type === type || covers(rr, type)))
  }

  isDelegated(name: string): boolean {
    return this.cutsAbove(name).length > 0
  }

  exists(name: string): boolean {
    return this.records.some(rr => within(rr.name, name))
  }

  encloser(name: string): string {
    let at = parent(name)
    while (!this.exists(at)) at = parent(at)
    return at
  }

  /** NSEC or NSEC3 of the proof that a name has no such records, or does not exist. */
  denial(name: string): Rr[] {
    if (!this.isSigned) return []
    const names = this.options.nsec3 === undefined ? this.nsecsFor(name) : this.nsec3sFor(name)
    return [...new Set(names)].flatMap(owner =>
      this.at(owner, this.options.nsec3 ? TYPE.NSEC3 : TYPE.NSEC)
    )
  }

  /** The proof that a name expanded from a wildcard has no closer match. */
  expansion(name: string): Rr[] {
    if (!this.isSigned) return []
    if (this.options.nsec3 === undefined) return this.at(this.nsecOwner(name), TYPE.NSEC)
    return this.at(this.nsec3Owner(this.nextCloser(name)), TYPE.NSEC3)
  }

  private nextCloser(name: string): string {
    const encloser = labelsOf(this.encloser(name)).length
    const labels = labelsOf(name)
    return labels.slice(labels.length - encloser - 1).join('.')
  }

  private nsecsFor(name: string): string[] {
    if (this.exists(name)) return [this.nsecOwner(name)]
    return [this.nsecOwner(name), this.nsecOwner(wildcardOf(this.encloser(name)))]
  }

  private nsec3sFor(name: string): string[] {
    if (this.exists(name) && this.nsec3Owner(name, true) !== undefined)
      return [this.nsec3Owner(name)]
    let encloser = this.exists(name) ? parent(name) : this.encloser(name)
    while (this.nsec3Owner(encloser, true) === undefined) encloser = parent(encloser)
    const labels = labelsOf(name)
    const closer = labels.slice(labels.length - labelsOf(encloser).length - 1).join('.')
    return [encloser, closer, wildcardOf(encloser)].map(it => this.nsec3Owner(it))
  }

  /** Owner of the NSEC at or before a name. */
  private nsecOwner(name: string): string {
    const owners = this.all.filter(({ type }) => type === TYPE.NSEC).map(rr => rr.name)
    return owners.sort(compare).findLast(owner => compare(owner, name) <= 0)!
  }

  /** Owner of the NSEC3 at or before the hash of a name; if `exactly`, at it. */
  private nsec3Owner(name: string): string
  private nsec3Owner(name: string, exactly: true): string | undefined
  private nsec3Owner(name: string, exactly = false): string | undefined {
    const hash = this.hashed(name)
    const owners = this.all
      .filter(({ type }) => type === TYPE.NSEC3)
      .map(rr => rr.name)
      .sort()
    if (exactly) return owners.find(owner => owner === hash)
    return owners.findLast(owner => owner <= hash) ?? owners.at(-1)
  }

  private hashed(name: string): string {
    const { iterations = 0, salt = new Uint8Array() } = this.options.nsec3!
    let hash = Buffer.from(wire(name))
    for (let i = 0; i <= iterations; i++)
      hash = createHash('sha1').update(hash).update(salt).digest()
    return this.name === '.' ? base32(hash) : `${base32(hash)}.${this.name}`
  }

  private cutsAbove(name: string): string[] {
    return this.records
      .filter(rr => rr.type === TYPE.NS && rr.name !== this.name && within(name, rr.name))
      .map(rr => rr.name)
  }

  private build(): readonly Rr[] {
    if (!this.isSigned) return this.records
    const keys = [this.ksk.rdata, this.zsk.rdata, ...this.extraKeys]
    const own = [
      ...this.records,
      ...keys.map(rdata => ({ name: this.name, type: TYPE.DNSKEY, rdata, ttl: 3600 }))
    ]
    const authoritative = own.filter(rr => this.cutsAbove(rr.name).every(cut => cut === rr.name))
    const withDenial = [
      ...own,
      ...(this.options.nsec3 ? this.nsec3s(authoritative) : this.nsecs(authoritative))
    ]
    const groups = new Map<string, Rr[]>()
    for (const rr of withDenial) {
      const key = `${rr.name} ${rr.type}`
      groups.set(key, [...(groups.get(key) ?? []), rr])
    }
    const signatures = [...groups.values()]
      .filter(([rr]) => this.isAuthoritative(rr!))
      .map(group => this.signRrset(group, group[0]!.type === TYPE.DNSKEY ? this.ksk : this.zsk))
    return [...withDenial, ...signatures]
  }

  private isAuthoritative({ name, type }: Rr): boolean {
    const cuts = this.cutsAbove(name)
    return cuts.length === 0 || (cuts[0] === name && (type === TYPE.DS || type === TYPE.NSEC))
  }

  private typesAt(rrs: readonly Rr[], name: string): number[] {
    const types = [...new Set(rrs.filter(rr => rr.name === name).map(rr => rr.type))]
    const cut = this.cutsAbove(name).length > 0
    const kept = cut ? types.filter(type => type === TYPE.NS || type === TYPE.DS) : types
    const isSigned = kept.some(type => !cut || type === TYPE.DS)
    return isSigned ? [...kept, TYPE.RRSIG] : kept
  }

  private nsecs(rrs: readonly Rr[]): Rr[] {
    const names = [...new Set(rrs.map(rr => rr.name))].sort(compare)
    return names.map((name, i) => {
      const types = [...new Set([...this.typesAt(rrs, name), TYPE.RRSIG, TYPE.NSEC])]
      const rdata = [...wire(names[(i + 1) % names.length]!), ...bitmap(types)]
      return { name, type: TYPE.NSEC, rdata: Uint8Array.from(rdata), ttl: 300 }
    })
  }

  private nsec3s(rrs: readonly Rr[]): Rr[] {
    const { iterations = 0, salt = new Uint8Array(), optOut = false } = this.options.nsec3!
    const isLeftOut = (name: string): boolean =>
      optOut &&
      this.cutsAbove(name)[0] === name &&
      !rrs.some(rr => rr.name === name && rr.type === TYPE.DS)
    const names = new Set<string>()
    for (const { name } of rrs) {
      if (isLeftOut(name)) continue
      for (let at = name; within(at, this.name); at = parent(at)) {
        names.add(at)
        if (at === '.') break
      }
    }
    const hashed = [...names]
      .map(name => ({ name, owner: this.hashed(name) }))
      .sort((a, b) => (a.owner < b.owner ? -1 : 1))
    return hashed.map(({ name, owner }, i) => {
      const next = hashed[(i + 1) % hashed.length]!.owner.slice(0, 32)
      const bits = next
        .split('')
        .map(digit => B32.indexOf(digit).toString(2).padStart(5, '0'))
        .join('')
      const octets = bits.match(/.{8}/g)!.map(part => parseInt(part, 2))
      const rdata = [
        1,
        optOut ? 1 : 0,
        ...u16(iterations),
        salt.length,
        ...salt,
        20,
        ...octets,
        ...bitmap(this.typesAt(rrs, name))
      ]
      return { name: owner, type: TYPE.NSEC3, rdata: Uint8Array.from(rdata), ttl: 300 }
    })
  }

  /** @param changes of the signature's fields */
  signRrset(
    group: readonly Rr[],
    key: ZoneKey,
    changes: { signer?: string; tag?: number; labels?: number } = {}
  ): Rr {
    const { name, type, ttl = 3600 } = group[0]!
    const { inception = NOW - DAY, expiration = NOW + 10 * DAY } = this.options
    const labels = changes.labels ?? labelsOf(name).filter(label => label !== '*').length
    const fields = [
      ...u16(type),
      key.algorithm,
      labels,
      ...u32(ttl),
      ...u32(expiration),
      ...u32(inception),
      ...u16(changes.tag ?? key.tag),
      ...wire(changes.signer ?? this.name)
    ]
    const sorted = group.map(({ rdata }) => rdata).sort((a, b) => Buffer.compare(a, b))
    const data = sorted.flatMap(rdata => [
      ...wire(name),
      ...u16(type),
      0,
      1,
      ...u32(ttl),
      ...u16(rdata.length),
      ...rdata
    ])
    const signature = signWith(key, Uint8Array.from([...fields, ...data]))
    return { name, type: TYPE.RRSIG, rdata: Uint8Array.from([...fields, ...signature]), ttl }
  }
}

export function covers({ type, rdata }: Rr, wanted: number): boolean {
  return type === TYPE.RRSIG && ((rdata[0]! << 8) | rdata[1]!) === wanted
}
