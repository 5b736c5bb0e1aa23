import { seeded } from '../../src/base/values/seeded.js'
import { PARENT, SHAPES, type Shape } from './dnssec-zones.js'
import { damage } from './dnssec-damage.js'

/** Generated zones, and questions about them. */
export interface Corpus {
  readonly shapes: readonly Shape[]
  /** Of a zone, in zone file format. */
  readonly records: (zone: string) => string
  readonly questions: readonly Question[]
}

export interface Question {
  readonly name: string
  readonly type: string
}

/** Questions about one zone at most: more zones are made for more questions. */
const PER_ZONE = 400
const FULL = ['-O', 'full']
/** Zones of which some records are damaged, beside those that are right or wrong as a whole. */
const DAMAGED: readonly Shape[] = [
  { name: 'damaged', sign: FULL },
  { name: 'damaged3', sign: [...FULL, '-3', '-'] },
  { name: 'damagedoptout', sign: [...FULL, '-3', 'abcd', '-A'] },
  { name: 'damagedrsa', algorithm: 'RSASHA256', sign: FULL }
]

/**
 * Zones of all shapes, each with names of its own, and about `count` questions: existing names and missing ones,
 * wildcards, aliases within the zone and to others, DNAME, unsigned and signed delegations.
 */
export function makeCorpus(count: number, seed: number): Corpus {
  const random = seeded(seed)
  const kinds = [...SHAPES.filter(({ expected }) => expected === undefined), ...DAMAGED]
  const copies = Math.ceil(count / kinds.length / PER_ZONE)
  const shapes = kinds.flatMap(shape => copiesOf(shape, copies, random))
  const perZone = Math.ceil(count / shapes.length)
  const zones = shapes.map(({ name }) => `${name}.${PARENT}`)
  const records = new Map<string, string>()
  const questions: Question[] = []
  for (const zone of zones) {
    const names = new ZoneNames(zone, perZone, zones, random)
    records.set(zone, names.records)
    questions.push(...names.questions)
  }
  // In an order in which zones take turns, as clients would have it.
  questions.sort((a, b) => hash(a) - hash(b))
  return { shapes, records: zone => records.get(zone)!, questions: questions.slice(0, count) }
}

function copiesOf(shape: Shape, copies: number, random: () => number): Shape[] {
  return Array.from({ length: copies }, (_, nth): Shape => {
    const name = `${shape.name}-${nth}`
    if (!DAMAGED.includes(shape)) return { ...shape, name }
    return { ...shape, name, change: text => damage(text, random) }
  })
}

/** The names of one zone. Each question is new to a resolver, so that nothing comes from a cache. */
class ZoneNames {
  readonly questions: Question[] = []
  private readonly lines: string[] = []

  constructor(
    private readonly zone: string,
    count: number,
    private readonly zones: readonly string[],
    private readonly random: () => number
  ) {
    const kinds = Object.values(this.kinds)
    for (let nth = 0; nth < count; nth++) kinds[Math.floor(random() * kinds.length)]!(nth)
    this.lines.push('*.wild IN A 192.0.2.22', `plain IN NS ns.${PARENT}.`)
  }

  get records(): string {
    return `${this.lines.join('\n')}\n`
  }

  private readonly kinds: Readonly<Record<string, (nth: number) => void>> = {
    address: nth => this.add(`a${nth} IN A 192.0.2.20`, `a${nth}`, 'A'),
    upperCase: nth => this.add(`Mx${nth} IN MX 10 Mail.${this.zone}.`, `mx${nth}`, 'MX'),
    several: nth => {
      const records = ['b', 'a', 'c'].map(text => `t${nth} IN TXT "${text.repeat(nth % 90)}"`)
      this.add(records.join('\n'), `t${nth}`, 'TXT')
    },
    noData: nth => this.add(`n${nth} IN A 192.0.2.20`, `n${nth}`, 'AAAA'),
    noName: nth => this.ask(`none${nth}`, 'A'),
    deepNoName: nth => this.ask(`x.y.none${nth}`, 'A'),
    emptyNonTerminal: nth => this.add(`a.e${nth} IN A 192.0.2.21`, `e${nth}`, 'A'),
    belowEmpty: nth => this.add(`a.f${nth} IN A 192.0.2.21`, `b.f${nth}`, 'A'),
    wildcard: nth => this.ask(`x${nth}.wild`, 'A'),
    deepWildcard: nth => this.ask(`x.y${nth}.wild`, 'A'),
    wildcardNoData: nth => this.ask(`z${nth}.wild`, 'TXT'),
    ownWildcard: nth => this.add(`*.w${nth} IN TXT "wild"`, `v.w${nth}`, 'TXT'),
    besideWildcard: nth =>
      this.add(`*.u${nth} IN A 192.0.2.22\nb.u${nth} IN TXT "there"`, `b.u${nth}`, 'A'),
    alias: nth => this.add(`c${nth} IN CNAME d${nth}\nd${nth} IN A 192.0.2.1`, `c${nth}`, 'A'),
    aliasToNone: nth => this.add(`g${nth} IN CNAME none.h${nth}`, `g${nth}`, 'A'),
    aliasElsewhere: nth =>
      this.add(`l${nth} IN CNAME l${nth}.wild.${this.other()}.`, `l${nth}`, 'A'),
    wildcardAlias: nth => this.add(`*.o${nth} IN CNAME wild`, `p.o${nth}`, 'A'),
    dname: nth => this.add(`q${nth} IN DNAME wild.${this.other()}.`, `www.q${nth}`, 'A'),
    dnameItself: nth => this.add(`r${nth} IN DNAME wild`, `r${nth}`, 'DNAME'),
    unsignedName: nth => this.ask(`none${nth}.plain`, 'A'),
    delegation: nth => this.add(`s${nth} IN NS ns.${PARENT}.`, `s${nth}`, 'DS'),
    noDelegation: nth => this.ask(`none${nth}`, 'DS'),
    anyType: nth => this.ask('@', `TYPE${1000 + nth}`)
  }

  private add(lines: string, name: string, type: string): void {
    this.lines.push(lines)
    this.ask(name, type)
  }

  private ask(name: string, type: string): void {
    const { zone } = this
    this.questions.push({ name: name === '@' ? zone : `${name}.${zone}`, type })
  }

  private other(): string {
    return this.zones[Math.floor(this.random() * this.zones.length)]!
  }
}

/** FNV-1a. */
function hash({ name, type }: Question): number {
  let value = 0x811c9dc5
  for (const octet of Buffer.from(`${name} ${type}`))
    value = Math.imul(value ^ octet, 0x01000193) >>> 0
  return value
}
