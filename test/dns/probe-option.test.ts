import { randomBytes } from 'node:crypto'
import t from 'tap'
import {
  decodeProbeReply,
  encodeProbeOption,
  encodeProbeReply,
  OPTION_PROBE,
  PROBE_FLAG,
  verifyProbeOption
} from '../../src/wire/dns/edns/probe-option.js'

const key = randomBytes(32)
const question = Uint8Array.from([1, 97, 0, 0, 1, 0, 1])
const claim = {
  flags: PROBE_FLAG.log,
  client: Uint32Array.of(0, 0, 0xffff, 0x0a010203, 5, 9),
  at: 1000
}
const option = encodeProbeOption(key, claim, question)
/** Data of the option. */
const AT = 4

const verify = (octets: Uint8Array, now = 1000, of = key, asked = question) => {
  const client = new Uint32Array(6)
  const flags = verifyProbeOption(of, octets, AT, asked, now, client)
  return { flags, client: [...client] }
}
const NOBODY = { flags: 0, client: [0, 0, 0, 0, 0, 0] }

t.test('a probe says who the client is to be', async t => {
  t.equal((option[0]! << 8) | option[1]!, OPTION_PROBE)
  const valid = {
    flags: PROBE_FLAG.valid | PROBE_FLAG.log,
    client: [0, 0, 0xffff, 0x0a010203, 5, 9]
  }
  t.strictSame(verify(option), valid)
  t.strictSame(verify(option, 1060), valid, 'as old as a query may be')
  t.strictSame(verify(option, 940), valid, 'the worker was interrupted after it had read its clock')
})

t.test('nobody else can say so', async t => {
  for (let i = AT; i < option.length; i++) {
    const altered = Uint8Array.from(option)
    altered[i]! ^= 1
    t.strictSame(verify(altered), NOBODY, `octet ${i}`)
  }
  t.strictSame(verify(option, 1000, randomBytes(32)), NOBODY, 'another process')
  t.strictSame(verify(option, 1061), NOBODY, 'a copy that is too old')
  t.strictSame(verify(option, 939), NOBODY, 'one of the future')
  const other = Uint8Array.from([1, 98, 0, 0, 1, 0, 1])
  t.strictSame(verify(option, 1000, key, other), NOBODY, 'another question')
})

t.test('the reply says where it comes from', async t => {
  const reply = { worker: 3, isOpen: true, generation: 70_000, time: 1_790_000_000 }
  t.strictSame(decodeProbeReply(encodeProbeReply(reply), 0), reply)
  t.equal(decodeProbeReply(option, 0), undefined)
})
