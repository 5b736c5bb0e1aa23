import t, { type Test } from 'tap'
import { serveWorld } from '../dnssec/name-server.js'
import { anchorOf, withoutSignatures, World, type Response } from '../dnssec/world.js'
import { TYPE, within, type ZoneOptions } from '../dnssec/zone.js'
import { newKey } from '../dnssec/keys.js'
import { askUdp, type Heard } from './dns-client.js'
import { serving } from './serve.js'
import { eventually } from './site.js'

const DAY = 86_400
const now = Math.floor(Date.now() / 1000)
const valid: ZoneOptions = { inception: now - DAY, expiration: now + 10 * DAY }
const NOTIMP = 4

/** What `enforce` makes of a name: an extended error (RFC 8914), or none where the answer is passed on. */
const EXPECTED: Readonly<Record<string, number>> = {
  'www.one': 10,
  'www.two': 10,
  'www.three': 5,
  'www.four': 8,
  'www.four-late': 7,
  'host.corp.six': 10,
  'to.seven': -1,
  'www.eight': -1,
  'www.nine': -1
}
const NAMES = Object.keys(EXPECTED)

/** The cases of `dnssec/field-cases.test.ts`, each in a top-level domain of its own, but the rollover of the root. */
function cases(): World {
  const world = new World(valid)
  for (const tld of ['one', 'two', 'three', 'nine']) world.zone(tld, valid).a(`www.${tld}`)
  world.zone('four', { inception: now + DAY, expiration: now + 9 * DAY }).a('www.four')
  world.zone('four-late', { inception: now - 9 * DAY, expiration: now - DAY }).a('www.four-late')
  world.zone('six', valid)
  world.zone('seven', valid).cname('to.seven', 'www.plain')
  world.zone('plain', { isSigned: false }).a('www.plain')
  world.zone('eight', { ...valid, nsec3: { iterations: 151 } }).a('www.eight')
  world.tamper = change
  return world
}

function change(name: string, type: number, it: Response): void {
  if (within(name, 'one')) {
    it.answer = it.answer.filter(rr => rr.type !== TYPE.RRSIG)
    it.authority = it.authority.filter(rr => rr.type !== TYPE.RRSIG)
  }
  if (name === 'www.two') it.answer = withoutSignatures(it.answer, TYPE.A)
  if (name === 'three' && type === TYPE.DS)
    Object.assign(it, { rcode: NOTIMP, answer: [], authority: [] })
  if (name === 'host.corp.six' && type === TYPE.A) {
    const answer = [{ name, type: TYPE.A, rdata: Uint8Array.of(10, 0, 0, 1) }]
    Object.assign(it, { rcode: 0, answer, authority: [] })
  }
}

async function gateway(t: Test, mode: string, world: World, anchor: string) {
  const port = await serveWorld(t, world)
  return serving(t, {
    upstream: { address: '127.0.0.1', port },
    // No query by TCP: the upstream has none.
    upstreams: 'timeout: 4s, give-up: 4s, cookies: false',
    files: {
      'rules/networks.yaml': `networks: { office: { prefixes: [127.0.0.0/8], dnssec: ${mode} } }\n`
    },
    more: `dnssec: { trust-anchors: ['${anchor}'] }`
  })
}

/** The answers to clients without DO, then with it; TTLs are left out. The first ten a second are validated. */
async function answersOf(at: Parameters<typeof askUdp>[0], names: readonly string[]) {
  const answers: Heard[] = []
  for (const dnssecOk of [false, true])
    for (const name of names) answers.push(await askUdp(at, name, { dnssecOk }))
  return answers.map(it => JSON.stringify(it).replace(/ \d+ (?=[A-Z])/g, ' TTL '))
}

t.test('observe changes no answer of the field cases, and finds what enforce refuses', async t => {
  const world = cases()
  const anchor = anchorOf(world)
  const off = await gateway(t, 'off', world, anchor)
  const observe = await gateway(t, 'observe', world, anchor)
  const plain = await answersOf(off.at, NAMES)
  t.strictSame(await answersOf(observe.at, NAMES), plain)
  t.equal(plain.length, 2 * NAMES.length)
  for (const answer of plain) t.match(answer, '"rcode":"NOERROR"')
  const found = () =>
    new Map(
      observe.site
        .records()
        .filter(it => it.verdict === 'observed' && it.ede !== undefined)
        .map(it => [String(it.qname), Number(it.ede)])
    )
  const failing = NAMES.filter(name => EXPECTED[name] !== -1)
  await eventually('a record of each failure', () => found().size >= failing.length)
  t.strictSame([...found().keys()].sort(), [...failing].sort())
  for (const name of failing) t.equal(found().get(name), EXPECTED[name], name)

  const enforce = await gateway(t, 'enforce', world, anchor)
  for (const name of NAMES) {
    const ede = EXPECTED[name]!
    const rcode = ede === -1 ? 'NOERROR' : 'SERVFAIL'
    const heard = await askUdp(enforce.at, name)
    t.match(heard, { rcode, ede }, name)
    if (ede !== -1) t.match(heard.edeText, /\S \S/, `${name}: the text says why`)
  }
})

t.test('nor those of a root whose new key was missed', async t => {
  const world = new World(valid)
  world.zone('five', valid).a('www.five')
  const anchor = anchorOf(world)
  const { ksk } = world.root
  const next = newKey(13, 257)
  world.root.extraKeys.push(next.rdata)
  world.tamper = (name, type, it) => {
    if (name === '.' && type === TYPE.DNSKEY)
      it.answer = it.answer.filter(rr => Buffer.compare(rr.rdata, ksk.rdata) !== 0)
  }
  const off = await gateway(t, 'off', world, anchor)
  const observe = await gateway(t, 'observe', world, anchor)
  t.strictSame(await answersOf(observe.at, ['www.five']), await answersOf(off.at, ['www.five']))
  const records = () => observe.site.records().filter(it => it.verdict === 'observed')
  await eventually('a record of the failure', () => records().some(it => it.ede === 9))
  const enforce = await gateway(t, 'enforce', world, anchor)
  const heard = await askUdp(enforce.at, 'www.five')
  t.match(heard, { rcode: 'SERVFAIL', ede: 9 })
  t.match(heard.edeText, /no DNSKEY of \. matches the trust anchor/)
})
