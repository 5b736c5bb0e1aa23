import { showAddress } from '../../src/base/values/address.js'
import { showRcode } from '../../src/wire/dns/registry/rcode.js'
import { showRrtype } from '../../src/wire/dns/registry/rrtype.js'
import { flagText } from './message-octets.js'

/*
 * From octets to the texts of scenario files. Written for these tests, and stricter than any client:
 * whatever is not a whole and proper message is an error.
 */

/** A message as scenario files write it. */
export interface Message {
  readonly id: number
  readonly opcode: number
  readonly rcode: string
  readonly flags: string
  /** `www.example A IN`, each. */
  readonly questions: readonly string[]
  /** Octets of header and questions. */
  readonly questionEnd: number
  readonly answers: readonly string[]
  readonly authorities: readonly string[]
  /** All but OPT. */
  readonly additionals: readonly string[]
  readonly edns: Edns | undefined
  readonly ede: { readonly code: number; readonly text: string } | undefined
}

export interface Edns {
  readonly version: number
  readonly size: number
  readonly do: boolean
  /** Octets in hexadecimal, by code. */
  readonly options: Readonly<Record<string, string>>
}

const TYPE_OPT = 41
const OPTION_EDE = 15

/** @throws Error where the message is broken, or has octets after its last record */
export function readMessage(octets: Uint8Array): Message {
  return new Reader(Buffer.from(octets)).read()
}

class Reader {
  private pos = 12
  private edns: Edns | undefined
  private rcodeBits = 0

  constructor(private readonly octets: Buffer) {}

  read(): Message {
    const { octets } = this
    const [id, bits, questionCount, ...counts] = [0, 2, 4, 6, 8, 10].map(at =>
      octets.readUInt16BE(at)
    )
    const questions = Array.from({ length: questionCount! }, () => this.question())
    const questionEnd = this.pos
    const [answers, authorities, additionals] = counts.map((count, section) =>
      Array.from({ length: count }, () => this.record(section)).filter(text => text !== '')
    )
    if (this.pos !== octets.length) throw new Error(`octets behind the end at ${this.pos}`)
    return {
      id: id!,
      opcode: (bits! >> 11) & 15,
      rcode: showRcode((bits! & 15) | (this.rcodeBits << 4)),
      flags: flagText(bits! & ~0x780f),
      questions,
      questionEnd,
      answers: answers!,
      authorities: authorities!,
      additionals: additionals!,
      edns: this.edns,
      ede: this.ede()
    }
  }

  private question(): string {
    const name = this.name()
    return `${name} ${showRrtype(this.word())} ${showClass(this.word())}`
  }

  /** '' for OPT. */
  private record(section: number): string {
    const owner = this.name()
    const type = this.word()
    const rrclass = this.word()
    const ttl = this.word() * 0x10000 + this.word()
    const end = this.word() + this.pos
    if (end > this.octets.length) throw new Error(`a record cut short at ${this.pos}`)
    if (type === TYPE_OPT) {
      if (this.edns !== undefined || section !== 2 || owner !== '.') throw new Error('a wrong OPT')
      this.opt(rrclass, ttl, end)
      return ''
    }
    const shown = rrclass === 1 ? '' : `${showClass(rrclass)} `
    const data = this.rdata(showRrtype(type), end)
    if (this.pos !== end) throw new Error(`RDATA does not end at ${end}`)
    return `${owner} ${ttl} ${shown}${showRrtype(type)} ${data}`.trimEnd()
  }

  private opt(size: number, ttl: number, end: number): void {
    const options: Record<string, string> = {}
    while (this.pos < end) {
      const code = this.word()
      const length = this.word()
      const data = this.take(length).toString('hex')
      // Only extended errors may be several, the most important first. RFC 8914 §3.
      if (code in options && code !== OPTION_EDE) throw new Error(`option ${code} twice`)
      if (!(code in options)) options[code] = data
    }
    this.rcodeBits = ttl >>> 24
    if ((ttl & 0x7fff) !== 0) throw new Error('Z of OPT is not 0')
    this.edns = { version: (ttl >> 16) & 0xff, size, do: (ttl & 0x8000) !== 0, options }
  }

  private ede(): Message['ede'] {
    const option = this.edns?.options[OPTION_EDE]
    if (option === undefined) return undefined
    const data = Buffer.from(option, 'hex')
    return { code: data.readUInt16BE(0), text: data.toString('utf8', 2) }
  }

  private rdata(type: string, end: number): string {
    switch (type) {
      case 'A':
        return showAddress(
          Buffer.concat([Buffer.from('00000000000000000000ffff', 'hex'), this.take(4)])
        )
      case 'AAAA':
        return showAddress(this.take(16))
      case 'CNAME':
      case 'DNAME':
      case 'NS':
      case 'PTR':
        return this.name()
      case 'MX':
        return `${this.word()} ${this.name()}`
      case 'SRV':
        return `${this.word()} ${this.word()} ${this.word()} ${this.name()}`
      case 'SOA':
        return `${this.name()} ${this.name()} ${Array.from({ length: 5 }, () => this.word() * 0x10000 + this.word()).join(' ')}`
      case 'TXT':
        return this.texts(end)
      case 'HTTPS':
      case 'SVCB':
        return [this.word(), this.name(), ...this.serviceParams(end)].join(' ')
      default:
        return this.opaque(end)
    }
  }

  private texts(end: number): string {
    const texts: string[] = []
    while (this.pos < end) texts.push(`"${this.take(this.take(1)[0]!).toString('latin1')}"`)
    return texts.join(' ')
  }

  /** SvcParams, whose keys must ascend. RFC 9460 §2.2. */
  private serviceParams(end: number): string[] {
    const params: string[] = []
    for (let last = -1; this.pos < end;) {
      const key = this.word()
      if (key <= last) throw new Error(`SvcParamKey ${key} after ${last}`)
      last = key
      const value = this.take(this.word())
      params.push(`${SVC_KEYS[key] ?? `key${key}`}=${showServiceValue(key, value)}`)
    }
    return params
  }

  /** RFC 3597 §5. */
  private opaque(end: number): string {
    const octets = this.take(end - this.pos)
    return `\\# ${octets.length} ${octets.toString('hex')}`.trimEnd()
  }

  /** As it is spelt, escaped as in RFC 1035 §5.1; the root is a dot. */
  private name(): string {
    const labels: string[] = []
    let after: number | undefined
    let length = 1
    for (let limit = this.pos; ;) {
      const head = this.take(1)[0]!
      if (head === 0) break
      if (head < 64) {
        length += head + 1
        labels.push(escaped(this.take(head)))
        continue
      }
      const target = ((head & 63) << 8) | this.take(1)[0]!
      if (head < 192 || target >= limit) throw new Error(`a wrong pointer at ${this.pos - 2}`)
      after ??= this.pos
      this.pos = limit = target
    }
    if (length > 255) throw new Error(`a name of ${length} octets`)
    this.pos = after ?? this.pos
    return labels.length === 0 ? '.' : labels.join('.')
  }

  private word(): number {
    return this.take(2).readUInt16BE()
  }

  private take(count: number): Buffer {
    const taken = this.octets.subarray(this.pos, this.pos + count)
    if (taken.length < count) throw new Error(`the message ends at ${this.octets.length}`)
    this.pos += count
    return taken
  }
}

const SVC_KEYS = ['mandatory', 'alpn', 'no-default-alpn', 'port', 'ipv4hint', 'ech', 'ipv6hint']

/** One value of each list. RFC 9460 §7. */
function showServiceValue(key: number, value: Buffer): string {
  const name = SVC_KEYS[key]
  if (name === 'alpn') return value.toString('latin1', 1)
  if (name === 'ipv4hint') return value.join('.')
  if (name === 'ech') return value.toString('base64')
  if (name !== 'mandatory') return value.toString('hex')
  return Array.from(
    { length: value.length / 2 },
    (_, i) => SVC_KEYS[value.readUInt16BE(2 * i)]
  ).join()
}

function escaped(label: Buffer): string {
  return [...label]
    .map(octet => {
      const text = String.fromCharCode(octet)
      if (text === '.' || text === '\\') return `\\${text}`
      return octet > 0x20 && octet < 0x7f ? text : `\\${String(octet).padStart(3, '0')}`
    })
    .join('')
}

function showClass(code: number): string {
  return { 1: 'IN', 3: 'CH', 254: 'NONE', 255: 'ANY' }[code] ?? `CLASS${code}`
}
