import t, { type Test } from 'tap'
import { serveWorld } from '../dnssec/name-server.js'
import { anchorOf, withoutSignatures, World } from '../dnssec/world.js'
import { interdict, writeSite } from './run.js'

/** Signatures that are valid now. */
function build() {
  const now = Math.floor(Date.now() / 1000)
  const times = { inception: now - 3600, expiration: now + 86_400, algorithm: 13 }
  const world = new World(times)
  const zone = world.zone('example', times).a('www.example')
  world.zone('plain.example', { isSigned: false }).a('www.plain.example')
  return { world, zone }
}

async function command(t: Test, world: World) {
  const port = await serveWorld(t, world)
  const settings = `rules: rules\nupstreams: { servers: ['127.0.0.1:${port}'] }\n`
  const site = writeSite(t, { 'interdict.yaml': settings })
  const words = ['-c', site, '--anchor', anchorOf(world)]
  return (...more: string[]) => interdict('dnssec', ...more, ...words)
}

t.test('the chain of a secure answer', async t => {
  const { world, zone } = build()
  const dnssec = await command(t, world)
  const { code, out, err } = await dnssec('www.example')
  t.strictSame([code, err], [0, ''])
  const { root } = world
  const key = (tag: number) => `key ${tag} (ECDSAP256SHA256)`
  t.equal(
    out,
    `. DNSKEY        secure    signed by ${key(root.ksk.tag)}, which matches the trust anchor
example DS      secure    signed by ${key(root.zsk.tag)} of .
example DNSKEY  secure    signed by ${key(zone.ksk.tag)}, which matches DS in .
www.example A   secure    signed by ${key(zone.zsk.tag)} of example

Verdict: secure
`
  )
})

t.test('an unsigned zone, and a bogus answer', async t => {
  const { world } = build()
  const dnssec = await command(t, world)
  const plain = await dnssec('www.plain.example')
  t.equal(plain.code, 0)
  t.match(plain.out, /Verdict: insecure: plain\.example is not signed: NSEC of example proves/)
  world.tamper = (_, type, it) => {
    if (type === 1) it.answer = withoutSignatures(it.answer, 1)
  }
  const bogus = await dnssec('www.example')
  t.equal(bogus.code, 1)
  t.match(bogus.out, 'Verdict: bogus (EDE 10): www.example A: no RRSIG, although example is signed')
})

t.test('all queries go to one upstream, in lower case; the next one if it fails', async t => {
  const { world } = build()
  const port = await serveWorld(t, world)
  const other = new World()
  const otherPort = await serveWorld(t, other)
  other.tamper = (_name, _type, it) => (it.rcode = 2)
  const servers = `servers: ['127.0.0.1:${otherPort}', '127.0.0.1:${port}']`
  const site = writeSite(t, { 'interdict.yaml': `rules: rules\nupstreams: { ${servers} }\n` })
  const words = ['dnssec', 'www.example', '-c', site, '--json', '--anchor', anchorOf(world)]
  const { code, out } = await interdict(...words)
  t.equal(code, 0)
  t.match(JSON.parse(out), {
    name: 'www.example',
    type: 'A',
    verdict: 'secure',
    work: { queries: 4 }
  })
  t.strictSame(
    new Set(other.queries).size,
    1,
    'only the first query went to the upstream that fails'
  )
})

t.test('no upstream answers', async t => {
  const { world } = build()
  world.tamper = (_name, _type, it) => (it.rcode = 5)
  const dnssec = await command(t, world)
  const { code, out } = await dnssec('www.example')
  t.equal(code, 1)
  t.match(
    out,
    /Verdict: indeterminate \(EDE 5\): www\.example A: 127\.0\.0\.1:\d+ returned REFUSED/
  )
})

t.test('wrong arguments', async t => {
  const site = writeSite(t, { 'interdict.yaml': 'rules: rules\n' })
  const type = await interdict('dnssec', 'www.example', '--type', 'BAD', '-c', site)
  t.match(type, { code: 2, err: '--type: BAD is not a query type' })
  const anchor = await interdict('dnssec', 'www.example', '-c', site, '--anchor', 'example')
  t.match(anchor, { code: 2, err: '--anchor' })
})

t.test('explain shows what a network with validation gets, and the chain', async t => {
  const { world, zone } = build()
  const port = await serveWorld(t, world)
  const at = (mode: string) =>
    writeSite(t, {
      'interdict.yaml': `rules: rules
upstreams: { servers: ['127.0.0.1:${port}'], cookies: false }
dnssec: { trust-anchors: ['${anchorOf(world)}'] }
`,
      'rules/networks.yaml': `networks:
  office: { prefixes: [10.0.0.0/8], dnssec: ${mode}, block: [blocked.example] }
`
    })
  const explain = (site: string, name: string, ...more: string[]) =>
    interdict('explain', name, '--from', '10.0.0.1', '-c', site, ...more)
  const secure = await explain(at('enforce'), 'www.example')
  t.match(secure.out, /DNSSEC \(enforce\)\n {2}\. DNSKEY +secure .*\n[^]* {2}Verdict: secure\n/)
  t.match(secure.out, `signed by key ${zone.zsk.tag} (ECDSAP256SHA256) of example`)
  world.tamper = (_, type, it) => {
    if (type === 1) it.answer = withoutSignatures(it.answer, 1)
  }
  const bogus = await explain(at('enforce'), 'www.example')
  t.match(bogus.out, /FAILED[^]*SERVFAIL[^]*EDE 10[^]*Verdict: bogus \(EDE 10\): www\.example A/)
  const observed = await explain(at('observe'), 'www.example', '--json')
  t.match(JSON.parse(observed.out), {
    verdict: 'forwarded',
    dnssec: { mode: 'observe', verdict: 'bogus', ede: 10, steps: [{ subject: '. DNSKEY' }] }
  })
  t.notMatch((await explain(at('off'), 'www.example')).out, 'DNSSEC')
  t.notMatch((await explain(at('enforce'), 'blocked.example')).out, 'DNSSEC', 'not validated')
  t.notMatch((await explain(at('enforce'), 'www.example', '--no-upstream')).out, 'DNSSEC')
})
