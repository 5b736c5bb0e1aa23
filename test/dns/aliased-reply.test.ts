import assert from 'node:assert/strict'
import packet from 'dns-packet'
import fc from 'fast-check'
import t from 'tap'
import { MAX_ALIASES } from '../../src/wire/dns/message/alias-chain.js'
import { decodeResponse } from '../../src/wire/dns/message/decode-response.js'
import { Query, QUERY_KIND } from '../../src/wire/dns/message/query.js'
import { encodeAliasedAnswer } from '../../src/wire/dns/reply/aliased-reply.js'
import { runs } from '../runs.js'
import { header, name, octets, question, record, TO_QNAME, u16, u32, type Part } from './octets.js'

const LIMITS = { minTtl: 0, maxTtl: 86_400, negativeMaxTtl: 900, failureTtl: 5 }
const EDE = Uint8Array.of(0, 15, 0, 2, 0, 15)
const MX = 15
const SOA = 6

/** A query over which replies are written, with an alias from its QNAME to each of `targets` in turn. */
function aliased(qname: string, targets: readonly string[], qtype = MX): [Uint8Array, Query] {
  const wire = octets(header(1, 0x0100, 1, 0, 0, 0), question(qname, qtype))
  const buffer = new Uint8Array(65_535)
  buffer.set(wire)
  const query = new Query()
  assert.equal(query.decode(buffer, 0, wire.length, 7), QUERY_KIND.ok)
  for (const target of targets) {
    const { qname: from, aliases } = query
    const to = octets(name(target))
    assert.ok(aliases.append(from.octets, from.length, to, to.length, 60, EDE))
    from.set(to, 0, 7)
  }
  return [buffer, query]
}

/** Encodes messages as servers do: each name ends with a pointer to an earlier one where it can. */
class Compressor {
  readonly out: number[] = []
  private readonly places = new Map<string, number>()

  add(...parts: readonly Part[]): this {
    this.out.push(...octets(...parts))
    return this
  }

  name(text: string): this {
    const labels = text.split('.')
    for (let i = 0; i < labels.length; i++) {
      const rest = labels.slice(i).join('.')
      const place = this.places.get(rest)
      if (place !== undefined) return this.add(u16(0xc000 | place))
      this.places.set(rest, this.out.length)
      this.add(labels[i]!.length, labels[i]!)
    }
    return this.add(0)
  }

  /** A record with these parts as RDATA; texts are names. */
  record(owner: string, type: number, ...rdata: readonly (string | readonly number[])[]): this {
    this.name(owner).add(u16(type), u16(1), u32(300), u16(0))
    const start = this.out.length
    for (const part of rdata) {
      if (typeof part === 'string') this.name(part)
      else this.add(part)
    }
    this.out.splice(start - 2, 2, ...u16(this.out.length - start))
    return this
  }
}

const label = fc.constantFrom('a', 'mail', 'longer-label')
const anyName = fc
  .array(label, { maxLength: 4 })
  .map(labels => [...labels, 'garden', 'example'].join('.'))

/** All but the TTL, which a negative answer limits. */
function essence(record: packet.Answer): unknown {
  return { name: record.name, type: record.type, data: 'data' in record ? record.data : undefined }
}

t.test('records keep their meaning behind aliases, however names are compressed', async () => {
  const hosts = fc.array(anyName, { maxLength: 6 })
  const aliases = fc.uniqueArray(anyName, { minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(fc.domain(), aliases, hosts, anyName, (qname, targets, exchanges, rname) => {
      const target = targets.at(-1)!
      const message = new Compressor()
      message
        .add(header(7, 0x81a0, 1, exchanges.length, 1, 0))
        .name(target)
        .add(u16(MX), u16(1))
      for (const host of exchanges) message.record(target, MX, [0, 10], host)
      message.record('example', SOA, target, rname, Array<number>(19).fill(0).concat(60))
      const sent = octets(message.out)
      const [buffer, query] = aliased(qname, targets)
      const answer = decodeResponse(sent, octets(question(target, MX)), LIMITS, 0, 0)
      const length = encodeAliasedAnswer(buffer, query, 65_535, answer, 0)
      const reply = packet.decode(Buffer.from(buffer.subarray(0, length)))
      const upstream = packet.decode(Buffer.from(sent))
      const aliases = targets.map((data, i) => ({
        name: targets[i - 1] ?? qname,
        type: 'CNAME',
        data
      }))
      assert.deepEqual(reply.answers!.slice(0, targets.length).map(essence), aliases)
      assert.deepEqual(reply.answers!.slice(targets.length), upstream.answers)
      assert.deepEqual(reply.authorities!.map(essence), upstream.authorities!.map(essence))
      assert.equal(reply.flag_ad, false)
    }),
    runs(1000)
  )
})

t.test('a failure has no records', async t => {
  const upstream = octets(header(7, 0x8182, 1, 0, 0, 0), question('garden.example', MX))
  const [buffer, query] = aliased('clip.example', ['garden.example'])
  const asked = octets(question('garden.example', MX))
  const answer = decodeResponse(upstream, asked, LIMITS, 0, 0)
  const length = encodeAliasedAnswer(buffer, query, 512, answer, 0)
  t.strictSame(
    buffer.slice(0, length),
    octets(header(1, 0x8182, 1, 0, 0, 0), question('clip.example', MX))
  )
})

t.test('an answer that cannot follow the aliases is not encoded at all', async t => {
  const asked = octets(question('g.example', MX))
  const mx = (host: readonly number[]): number[] => record(TO_QNAME, MX, 300, [0, 10, host])
  const long = (first: string): string =>
    [first, ...Array<string>(4).fill('x'.repeat(58))].join('.')
  const filler = Array.from({ length: 60 }, (_, i) => mx(name(long(`${i}`))))
  const at = 12 + asked.length + filler.flat().length
  const wide = [...filler, mx(name('far.example')), mx(u16(0xc000 | (at + 14)))]
  t.ok(at + 14 < 0x3fff, 'the pointer fits where it was')
  const toQtype = [mx(u16(0xc000 | (12 + 11)))]
  const targets = [...Array.from({ length: 5 }, (_, i) => long(`alias-${i}`)), 'g.example']
  for (const records of [wide, toQtype]) {
    const [buffer, query] = aliased('clip.example', targets)
    const message = octets(header(7, 0x8180, 1, records.length, 0, 0), asked, records)
    const answer = decodeResponse(message, asked, LIMITS, 0, 0)
    t.equal(answer.answers, records.length)
    t.equal(encodeAliasedAnswer(buffer, query, 65_535, answer, 0), 0)
  }
})

t.test('aliases end at the eleventh, and before a loop, whatever the letter case', async t => {
  const [, query] = aliased('clip.example', ['a.example', 'b.example'])
  const add = (target: string): boolean => {
    const to = octets(name(target))
    return query.aliases.append(query.qname.octets, query.qname.length, to, to.length, 60, EDE)
  }
  for (const before of ['CLIP.example', 'a.Example', 'b.example']) t.notOk(add(before), before)
  for (let count = 2; count < MAX_ALIASES; count++) t.ok(add(`n${count}.example`))
  t.notOk(add('one-more.example'))
  t.equal(query.aliases.count, MAX_ALIASES)
})
