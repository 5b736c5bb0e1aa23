import t from 'tap'
import {
  LoopProbes,
  PROBE_RESULT,
  decodeProbeResponse
} from '../../src/wire/dns/message/loop-probe.js'
import { encodeQuestion } from '../../src/wire/dns/message/question.js'
import { HashedName } from '../../src/wire/dns/name/hashed-name.js'
import { readName, showName } from '../../src/wire/dns/name/name.js'

const KEY = '0123456789abcdef'
const TOKEN = 'fedcba9876543210'
const probes = new LoopProbes(KEY)

function tokenOf(wire: Uint8Array): string | undefined {
  const name = new HashedName()
  name.set(wire, 0, 1)
  return probes.findToken(name)
}

t.test('makes a probe name below a domain, and recognizes it', async t => {
  const name = probes.probeName(TOKEN, readName('corp.example'))!
  t.equal(showName(name), `${KEY}${TOKEN}.interdict-loop-probe.corp.example`)
  t.equal(tokenOf(name), TOKEN)
  t.equal(tokenOf(readName(showName(name).toUpperCase())), TOKEN, 'in any letter case')
  t.equal(tokenOf(probes.probeName(TOKEN, Uint8Array.of(0))!), TOKEN)
})

for (const name of [
  'a',
  KEY + TOKEN.slice(1),
  `${KEY}${TOKEN}0.interdict-loop-probe`,
  `1${KEY.slice(1)}${TOKEN}.interdict-loop-probe`,
  `a.${KEY}${TOKEN}.interdict-loop-probe`
]) {
  t.test(`does not recognize ${JSON.stringify(name)}`, async t => {
    t.equal(tokenOf(readName(name)), undefined)
  })
}

t.test('makes no probe name that would be too long', async t => {
  const domain = (last: number): Uint8Array =>
    readName([63, 63, last].map(length => 'a'.repeat(length)).join('.'))
  t.equal(probes.probeName(TOKEN, domain(63 - 9))!.length, 33 + 21 + 128 + 1 + 54 + 1)
  t.equal(probes.probeName(TOKEN, readName(`${'a'.repeat(17)}.${showName(domain(54))}`)), undefined)
  t.equal(
    probes.probeName(TOKEN, readName(`${'a'.repeat(16)}.${showName(domain(54))}`))!.length,
    255
  )
})

const question = encodeQuestion(probes.probeName(TOKEN, Uint8Array.of(0))!, 1, 1)
const response = (rcode: number, flags = 0x81, asked = question): Uint8Array =>
  Uint8Array.of(
    0x12,
    0x34,
    flags,
    0x80 | rcode,
    0,
    asked.length > 0 ? 1 : 0,
    0,
    0,
    0,
    0,
    0,
    0,
    ...asked
  )

const answers = [
  { it: 'NXDOMAIN', octets: response(3), is: 'good' },
  { it: 'NOERROR', octets: response(0), is: 'good' },
  { it: 'REFUSED', octets: response(5), is: 'bad' },
  { it: 'SERVFAIL', octets: response(2), is: 'bad' },
  { it: 'SERVFAIL without the question', octets: response(2, 0x81, new Uint8Array(0)), is: 'bad' },
  { it: 'NXDOMAIN without the question', octets: response(3, 0x81, new Uint8Array(0)), is: 'none' },
  { it: 'a query', octets: response(0, 0x01), is: 'none' },
  { it: 'half a header', octets: response(0).slice(0, 6), is: 'none' },
  {
    it: 'another question',
    octets: response(3, 0x81, encodeQuestion(readName('a'), 1, 1)),
    is: 'none'
  }
] as const

for (const { it, octets, is } of answers) {
  t.test(`decodes ${it} as ${is}`, async t => {
    t.equal(decodeProbeResponse(octets, 0, octets.length, 0x1234, question), PROBE_RESULT[is])
  })
}

t.test('decodes another ID as none', async t => {
  t.equal(decodeProbeResponse(response(3), 0, 12 + question.length, 1, question), PROBE_RESULT.none)
})
