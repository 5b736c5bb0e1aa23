import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import packet from 'dns-packet'
import t from 'tap'
import { RCODE } from '../../src/wire/dns/registry/rcode.js'
import type { Endpoint } from '../../src/wire/sockets/datagram.js'
import { BadUpstream } from '../upstream/bad-upstream.js'
import { cookieOf, rcodeOf, responseTo } from '../upstream/messages.js'
import { Rig, serving } from './serve.js'
import { banning, eventually } from './site.js'

const OPTION_COOKIE = 10
const FIRST = '0123456789abcdef0123456789ABCDEF'
const SECOND = 'fedcba9876543210fedcba9876543210'
const CLIENT = '0102030405060708'

const more = 'cookies: { secret-file: secrets }'
const files = (secrets: string): Record<string, string> => ({
  'rules/networks.yaml': banning('banned.example'),
  secrets
})

/** Sends these octets, and returns the reply. */
async function send(at: Endpoint, octets: Buffer): Promise<Buffer> {
  const socket = createSocket('udp4')
  const heard = once(socket, 'message')
  socket.send(octets, at.port, at.address)
  const [reply] = (await heard) as [Buffer]
  socket.close()
  return reply
}

/** Sends a query with this cookie, and returns the one in the reply, in hexadecimal. */
async function show(at: Endpoint, cookie: string, name = 'banned.example'): Promise<string> {
  const options = [{ code: OPTION_COOKIE, data: Buffer.from(cookie, 'hex') }]
  const query = packet.encode({
    type: 'query',
    id: 1,
    flags: packet.RECURSION_DESIRED,
    questions: [{ name, type: 'A' }],
    additionals: [{ type: 'OPT', name: '.', udpPayloadSize: 1232, flags: 0, options }] as never
  })
  const opt = packet.decode(await send(at, query)).additionals!.find(({ type }) => type === 'OPT')
  const found = (opt as unknown as { options: { code: number; data: Buffer }[] }).options
  return found.find(({ code }) => code === OPTION_COOKIE)?.data.toString('hex') ?? ''
}

t.test('all workers, and gateways with the same secret, accept each other’s cookies', async t => {
  const one = await serving(t, { more, files: files(FIRST), workers: 2 })
  const two = await serving(t, { more, files: files(`# shared\n\n  ${FIRST} # until June\n`) })
  const cookie = await show(one.gateway.endpoints[0]!, CLIENT)
  t.equal(cookie.slice(0, 24), `${CLIENT}01000000`)
  // Each from a port of its own, so that both workers get some.
  for (let i = 0; i < 16; i++) t.equal(await show(one.at, cookie), cookie)
  t.equal(await show(two.at, cookie), cookie)
})

t.test('without a file, the workers of one gateway share a random secret', async t => {
  const one = await serving(t, { workers: 2 })
  const two = await serving(t)
  const cookie = await show(one.at, CLIENT)
  for (let i = 0; i < 16; i++) t.equal(await show(one.at, cookie), cookie)
  t.not(await show(two.at, cookie), cookie)
  await one.gateway.reload('SIGHUP')
  t.equal(await show(one.at, cookie), cookie, 'a reload leaves it as it is')
})

t.test('client cookies are not sent upstream, nor upstream cookies to clients', async t => {
  const theirs = 'a1a2a3a4a5a6a7a8'
  const upstream = await BadUpstream.open(({ message, send }) => {
    send(responseTo(message, { cookie: cookieOf(message).slice(0, 16) + theirs }))
  })
  t.teardown(() => upstream.close())
  const { at } = await serving(t, { upstream: upstream.endpoint })
  const given = await show(at, CLIENT, 'a.example')
  t.match(given, /^010203040506070801000000[0-9a-f]{24}$/)
  t.equal(await show(at, given, 'b.example'), given)
  const [alone, whole] = upstream.seen.map(({ message }) => cookieOf(message))
  t.match(alone, /^[0-9a-f]{16}$/)
  t.not(alone, CLIENT)
  t.equal(whole, `${alone}${theirs}`)
})

t.test('cookies may be off', async t => {
  const { at } = await serving(t, { more: 'cookies: { server: false }' })
  t.equal(await show(at, CLIENT), '')
  t.equal(await show(at, '01'), '', 'and are ignored')
  const alone = `abcd0100000000000000000100002904d000000000000c000a0008${CLIENT}`
  const reply = await send(at, Buffer.from(alone, 'hex'))
  t.equal(rcodeOf(reply), RCODE.FORMERR, 'nor is a query for a cookie only')
})

t.test('secrets change on reload, and invalid ones change nothing', async t => {
  const rig = await serving(t, { more, files: files(FIRST) })
  const { at, gateway, site, log } = rig
  const old = await show(at, CLIENT)
  site.write('secrets', `${SECOND}\n${FIRST}\n`)
  await gateway.reload('SIGHUP')
  let fresh = ''
  await eventually('a cookie of the new secret', async () => (fresh = await show(at, old)) !== old)
  t.equal(await show(at, fresh), fresh)
  site.write('secrets', `${SECOND}\nsecret\n`)
  await gateway.reload('SIGHUP')
  const line = await log.says('expected one to four secrets')
  t.match(line, { level: 'error', fields: { code: 'COOKIE_SECRET' } })
  t.match(line.message, `${site.path('secrets')}:2:1: `)
  t.notMatch(line.message, 'secret"')
  t.equal(await show(at, fresh), fresh)
  site.write('secrets', FIRST)
  await gateway.reload('SIGHUP')
  await eventually('the new secret is gone', async () => (await show(at, fresh)) !== fresh)
})

const wrong = [
  { it: 'nothing', text: '# none yet\n', at: '1:1' },
  { it: 'something else', text: 'x', at: '1:1' },
  { it: 'one that is short', text: `\n ${FIRST.slice(1)}`, at: '2:2' },
  { it: 'one that is long', text: `${FIRST}0`, at: '1:1' },
  { it: 'a fifth', text: `${FIRST}\n`.repeat(5), at: '5:1' }
]
for (const { it, text, at } of wrong) {
  t.test(`a file with ${it} prevents the start`, async t => {
    const rig = new Rig(t, { more, files: files(text) })
    const troubles = await rig.gateway.start()
    t.match(troubles, [{ code: 'COOKIE_SECRET' }])
    t.match(troubles[0]?.message, `${rig.site.path('secrets')}:${at}: expected `)
    t.equal(troubles.length, 1)
  })
}

t.test('a missing file prevents the start', async t => {
  const rig = new Rig(t, { more: 'cookies: { secret-file: nowhere }' })
  t.match(await rig.gateway.start(), [{ code: 'COOKIE_SECRETS_UNREADABLE' }])
})
