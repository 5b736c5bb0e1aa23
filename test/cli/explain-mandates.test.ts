/** What `explain` and `bans` say of mandates. */
import { createPrivateKey } from 'node:crypto'
import { join } from 'node:path'
import t from 'tap'
import { generateKeys } from '../../src/base/files/ed25519.js'
import { readMandate } from '../../src/policy/rules/mandates/read-mandate.js'
import { withMandateSignature } from '../../src/policy/rules/mandates/signed-text.js'
import { MandateStore } from '../../src/sources/mandates/mandate-store.js'
import { HistorySite } from './history-rig.js'
import { interdict } from './run.js'

const authority = generateKeys()
const MANDATE = `mandate: be
issued: 2026-01-01
authority: Council
reference: Order 7
bans:
  - { names: [clip.example, open.example, listed.example], except: [help.clip.example], networks: [phones] }
  - { names: [press.example], networks: all, exceptions: allowed }
`
const RULES = `networks:
  phones:
    prefixes: [10.1.0.0/16]
    bans:
      - { id: be-clip, names: [clip.example, press.example], authority: Council, reference: R7 }
      - { id: other, names: [other.example], authority: Council, reference: R8 }
    exceptions:
      - { id: press, names: [press.example], prefixes: [10.1.7.0/28], purpose: p, approved-by: b, from: 2026-01-01, until: 2026-12-31 }
    block: [{ lists: [ads] }]
  guests: { prefixes: [10.2.0.0/16] }
lists:
  ads: { file: ads.txt }
`
const signed = withMandateSignature(Buffer.from(MANDATE), createPrivateKey(authority.privatePem))
const site = new HistorySite(t, {
  'interdict.yaml': `rules: { folder: rules, mandates: { folder: mandates, keys: ['${authority.publicKey}'] } }\nupstreams: { use-resolv-conf: false }\nstate: { folder: state }\n`,
  'rules/networks.yaml': RULES,
  'rules/ads.txt': 'listed.example\n',
  'mandates/be.yaml': signed.toString()
})

interface Mandate {
  readonly id: string
  readonly at: string
  readonly met: boolean
}

/** While the exception is in force. */
const AT = ['--at', '2026-06-01T12:00:00Z']

async function explained(name: string, from: string, ...more: string[]) {
  const words = ['explain', name, '--from', from, '-c', site.settings, '--no-upstream', ...more]
  const { out, err } = await interdict(...words, '--json')
  if (out === '') throw new Error(err)
  const found = JSON.parse(out) as { verdict: string; mandates: readonly Mandate[] }
  const text = (await interdict(...words)).out
  return { ...found, text }
}

t.test('explain names the mandates of a name, and says if no ban blocks it', async t => {
  const cases = [
    ['www.clip.example', '10.1.2.3', 'blocked', true],
    ['open.example', '10.1.2.3', 'forwarded', false],
    // Blocked by a list, which is no ban.
    ['listed.example', '10.1.2.3', 'blocked', false],
    // The order allows the exception.
    ['press.example', '10.1.7.1', 'allowed', true]
  ] as const
  for (const [name, from, verdict, met] of cases) {
    const found = await explained(name, from, ...AT)
    const line = name === 'press.example' ? 7 : 6
    t.match(found, {
      verdict,
      mandates: [{ id: 'be', authority: 'Council', at: `mandates/be.yaml:${line}`, met }]
    })
    t.equal(found.mandates.length, 1)
    t.match(
      found.text,
      met ? /^ {2}satisfied for this query; mandate be \(Council/m : /NOT SATISFIED/
    )
  }
  t.match((await explained('open.example', '10.1.2.3', ...AT)).text, 'no ban blocks it')
  t.match(
    (await explained('listed.example', '10.1.2.3', ...AT)).text,
    'what blocks it is not a ban'
  )
  for (const [name, from] of [
    ['help.clip.example', '10.1.2.3'],
    ['other.example', '10.1.2.3'],
    // In no network of the order, and in no network at all.
    ['open.example', '10.2.2.3'],
    ['press.example', '10.9.9.9']
  ] as const) {
    const found = await explained(name, from, ...AT)
    t.strictSame(found.mandates, [], name)
    t.notMatch(found.text, 'Mandates')
  }
})

t.test('bans names the mandates of bans and exceptions', async t => {
  const { out } = await interdict('bans', '-c', site.settings, ...AT, '--json')
  t.match(JSON.parse(out), {
    bans: [
      { id: 'be-clip', mandates: [{ at: 'mandates/be.yaml:6' }, { at: 'mandates/be.yaml:7' }] },
      { id: 'other', mandates: { length: 0 } }
    ],
    exceptions: [{ id: 'press', mandates: [{ id: 'be', at: 'mandates/be.yaml:7' }] }]
  })
  const { out: text } = await interdict('bans', '-c', site.settings, ...AT)
  t.match(text, /mandate be: Council: Order 7[\s(]+\S*mandates\/be\.yaml:6\)/)
})

t.test('a time in the past has the mandates of then', async t => {
  const seconds = (time: string): number => Date.parse(time) / 1000
  await site.record('2026-05-01T09:00:00Z', { event: 'start' })
  const read = readMandate(signed, 'be.yaml', [authority.publicKey], seconds('2026-05-01'))
  if (!read.ok) throw read.errors[0]!
  const store = new MandateStore(join(site.folder, 'state/mandates'))
  const accepted = [{ mandate: read.mandate, octets: signed }]
  t.equal(store.accept(accepted, seconds('2026-05-01T10:00:00Z')), undefined)
  const at = (hour: number) => ['--at', `2026-05-01T${String(hour).padStart(2, '0')}:30:00Z`]
  t.strictSame((await explained('open.example', '10.1.2.3', ...at(9))).mandates, [])
  t.match((await explained('open.example', '10.1.2.3', ...at(10))).mandates, [{ met: false }])
})
