import type {
  ChainResponse,
  ChainSession,
  ChainSource
} from '../../src/resolver/validation/chain-source.js'
import { ROOT_ANCHORS, TrustAnchors } from '../../src/resolver/validation/trust-anchors.js'
import type { ValidationLimits } from '../../src/resolver/validation/validation-budget.js'
import { Validator } from '../../src/resolver/validation/validator.js'
import type { Validation } from '../../src/resolver/validation/verdict.js'
import { decodeSignedMessage } from '../../src/wire/dnssec/signed-message.js'
import { dsRdata } from './keys.js'
import { covers, NOW, TYPE, within, wire, Zone, type Rr, type ZoneOptions } from './zone.js'

/** The sections of a response that tests may change. */
export interface Response {
  rcode: number
  answer: Rr[]
  authority: Rr[]
}

const u16 = (value: number): number[] => [value >> 8, value & 0xff]

export function encode(
  name: string,
  type: number,
  { rcode, answer, authority }: Response
): Uint8Array {
  const record = ({ name, type, rdata, ttl = 3600 }: Rr): number[] => [
    ...wire(name),
    ...u16(type),
    0,
    1,
    ...u16(ttl >>> 16),
    ...u16(ttl & 0xffff),
    ...u16(rdata.length),
    ...rdata
  ]
  return Uint8Array.from([
    ...[0, 0, 0x81, 0x80 | rcode, 0, 1],
    ...u16(answer.length),
    ...u16(authority.length),
    0,
    0,
    ...wire(name),
    ...u16(type),
    0,
    1,
    ...answer.flatMap(record),
    ...authority.flatMap(record)
  ])
}

/** The anchor of a world's root, for settings, rules and the command line. */
export function anchorOf({ root: { ksk } }: World): string {
  const [high, low, algorithm, digest, ...octets] = dsRdata(wire('.'), ksk)
  const hex = Buffer.from(octets).toString('hex')
  return `. DS ${(high! << 8) | low!} ${algorithm} ${digest} ${hex}`
}

/** Zones from the root down, and a resolver that answers from them as an upstream with DO and CD would. */
export class World implements ChainSource {
  readonly root: Zone
  readonly zones: Zone[]
  /** `NAME TYPE` of each query. */
  readonly queries: string[] = []
  /** Changes responses. */
  tamper: ((name: string, type: number, response: Response) => void) | undefined
  /** Questions without a response, and why. */
  readonly failing = new Map<string, string>()
  now = NOW

  constructor(options: ZoneOptions = {}) {
    this.root = new Zone('.', options)
    this.zones = [this.root]
  }

  /** Adds a zone below the nearest one that exists, which delegates to it. */
  zone(name: string, options: ZoneOptions = {}): Zone {
    const child = new Zone(name, options)
    const parent = this.zoneOf(name, TYPE.DS)
    this.zones.push(child)
    parent.delegate(child)
    return child
  }

  validator(limits?: ValidationLimits, extra: readonly string[] = []): Validator {
    const { ksk } = this.root
    const [high, low, algorithm, digest, ...octets] = dsRdata(wire('.'), ksk)
    const hex = Buffer.from(octets).toString('hex')
    const anchor = `. DS ${(high! << 8) | low!} ${algorithm} ${digest} ${hex}`
    const anchors = new TrustAnchors([anchor, ...extra])
    const options = { source: this, anchors, now: () => this.now, cpuTime: () => 0 }
    return new Validator(limits === undefined ? options : { ...options, limits })
  }

  validate(name: string, type: number = TYPE.A): Promise<Validation> {
    return this.validator().validate(wire(name), type)
  }

  open(): ChainSession {
    return {
      query: async (octets, type) => {
        const name = text(octets)
        this.queries.push(`${name} ${type}`)
        return this.respond(name, type)
      }
    }
  }

  private respond(name: string, type: number): ChainResponse {
    const why = this.failing.get(`${name} ${type}`)
    if (why !== undefined) return { kind: 'failure', reason: why }
    const response = this.resolve(name, type)
    this.tamper?.(name, type, response)
    const message = decodeSignedMessage(encode(name, type, response))
    return { kind: 'response', message, upstream: 'test' }
  }

  resolve(name: string, type: number): Response {
    const response: Response = { rcode: 0, answer: [], authority: [] }
    let at: string | undefined = name
    for (let i = 0; at !== undefined && i < 20; i++) at = this.step(at, type, response)
    return response
  }

  private zoneOf(name: string, type: number): Zone {
    const fitting = this.zones.filter(
      zone => within(name, zone.name) && (type !== TYPE.DS || name === '.' || zone.name !== name)
    )
    return fitting.reduce((a, b) => (b.name.length > a.name.length || a.name === '.' ? b : a))
  }

  /** Adds what one zone says of a name. Returns the target of an alias. */
  private step(name: string, type: number, response: Response): string | undefined {
    const zone = this.zoneOf(name, type)
    const { answer, authority } = response
    const dname = zone.records.find(
      rr => rr.type === TYPE.DNAME && rr.name !== name && within(name, rr.name)
    )
    if (dname !== undefined) {
      const target = name.slice(0, -dname.name.length) + text(dname.rdata)
      answer.push(...zone.at(dname.name, TYPE.DNAME), {
        name,
        type: TYPE.CNAME,
        rdata: wire(target)
      })
      return target
    }
    const owner = zone.exists(name) ? name : wildcardFor(zone, name)
    for (const found of [type, TYPE.CNAME]) {
      const rrs = zone.at(owner, found)
      if (!rrs.some(rr => rr.type === found)) continue
      answer.push(...rrs.map(rr => ({ ...rr, name })))
      if (owner !== name) authority.push(...zone.expansion(name))
      return found === TYPE.CNAME && type !== TYPE.CNAME ? text(rrs[0]!.rdata) : undefined
    }
    authority.push(...zone.at(zone.name, TYPE.SOA))
    if (zone.exists(name)) authority.push(...zone.denial(name))
    else {
      const hasWildcard = zone.exists(owner)
      if (!hasWildcard) response.rcode = 3
      authority.push(...zone.denial(name))
    }
    return undefined
  }
}

function wildcardFor(zone: Zone, name: string): string {
  const encloser = zone.encloser(name)
  return encloser === '.' ? '*' : `*.${encloser}`
}

export function text(octets: Uint8Array): string {
  const labels: string[] = []
  for (let at = 0; octets[at] !== 0; at += 1 + octets[at]!)
    labels.push(Buffer.from(octets.subarray(at + 1, at + 1 + octets[at]!)).toString('latin1'))
  return labels.length === 0 ? '.' : labels.join('.')
}

/** Removes signatures of a type. */
export function withoutSignatures(rrs: readonly Rr[], type: number): Rr[] {
  return rrs.filter(rr => !covers(rr, type))
}

export { ROOT_ANCHORS }
