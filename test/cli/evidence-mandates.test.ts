import { createPrivateKey } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { generateKeys } from '../../src/base/files/ed25519.js'
import { loadRules } from '../../src/policy/rules/load.js'
import { readMandate } from '../../src/policy/rules/mandates/read-mandate.js'
import { withMandateSignature } from '../../src/policy/rules/mandates/signed-text.js'
import { MandateStore } from '../../src/sources/mandates/mandate-store.js'
import { interdict, writeSite } from './run.js'

const rules = (names: string): string => `networks:
  phones:
    prefixes: [10.1.0.0/16]
    bans: [{ id: be-clip, names: [${names}], authority: Council, reference: R7 }]
`
const { privatePem } = generateKeys()
const authority = generateKeys()
const OTHERS =
  'upstreams: { use-resolv-conf: false }\nstate: { folder: state }\nlog: { queries: { file: log/queries.jsonl } }\n'
const settings = writeSite(t, {
  'interdict.yaml': `rules: { folder: rules, mandates: { folder: mandates, keys: ['${authority.publicKey}'] } }\n${OTHERS}`,
  'without.yaml': `rules: rules\n${OTHERS}`,
  'key.pem': privatePem,
  'before/networks.yaml': rules('clip.example'),
  'rules/networks.yaml': rules('clip.example, clip.test'),
  'log/queries.jsonl': '',
  'state/banned-names.json': JSON.stringify({ v: 1, since: Date.parse('2026-05-01') / 1000 })
})
const at = (...path: string[]): string => join(dirname(settings), ...path)
const seconds = (hour: number): number => Date.UTC(2026, 5, 1, hour) / 1000

/** Accepts an issue of a mandate as the gateway does. */
function accept(hour: number, bans: string): void {
  const text = `mandate: be\nissued: 2026-05-0${hour - 9}\nauthority: Council\nreference: Order\nbans: ${bans}\n`
  const octets = withMandateSignature(Buffer.from(text), createPrivateKey(authority.privatePem))
  const read = readMandate(octets, 'be.yaml', [authority.publicKey], seconds(hour))
  if (!read.ok) throw new Error(read.errors[0]!.message)
  const error = new MandateStore(at('state/mandates')).accept(
    [{ mandate: read.mandate, octets }],
    seconds(hour)
  )
  t.equal(error, undefined)
}

async function line(hour: number, generation: number, folder: string): Promise<string> {
  const loaded = await loadRules(at(folder))
  const sha256 = loaded.ok ? loaded.rules.sha256.slice(0, 12) : ''
  const time = new Date(seconds(hour) * 1000).toISOString()
  const record = {
    ...{ v: 1, time, generation, sha256, protocol: 'udp', qname: 'clip.example', qtype: 'A' },
    ...{ rcode: 'NXDOMAIN', verdict: 'blocked', match: 'qname', network: 'phones' },
    ...{ client: '10.1.0.7', ban: 'be-clip', us: 1, ede: 15 }
  }
  return `${JSON.stringify(record)}\n`
}

t.test('a pack states the mandates, and whether the rules satisfied them', async t => {
  accept(10, '[{ names: [clip.example], networks: all }]')
  accept(11, '[{ names: [clip.example, clip.test], networks: all, until: 2026-06-01T15:00:00Z }]')
  const lines = [
    ...[await line(9, 1, 'before'), await line(13, 1, 'before')],
    ...[await line(14, 2, 'rules'), await line(16, 2, 'rules')]
  ]
  writeFileSync(at('log/queries.jsonl'), lines.join(''))
  const made = await interdict(
    ...['evidence', 'be-clip', '-c', settings, '-k', at('key.pem'), '-o', at('pack')],
    ...['--since', '2026-06-01', '--until', '2026-06-02', '--history', at('before')]
  )
  t.equal(made.code, 0, made.err)
  const { mandates } = JSON.parse(readFileSync(at('pack/mandates.json'), 'utf8')) as {
    mandates: { path: string; signers: string[]; spans: Record<string, unknown>[] }[]
  }
  const shown = mandates.map(({ spans }) =>
    spans.map(({ from, until, status }) => {
      const [begin, end] = [from, until].map(time => (Number(time) / 1000 - seconds(0)) / 3600)
      return `${begin!.toFixed(2)}-${end!.toFixed(2)} ${String(status)}`
    })
  )
  t.strictSame(shown, [
    ['10.00-11.00 satisfied'],
    // The rules changed at some time between the two lookups.
    ['11.00-13.00 not satisfied', '13.00-14.00 not known', '14.00-15.00 satisfied']
  ])
  t.match(mandates[1]!.spans[0], {
    why: /^rules [0-9a-f]{12}: clip\.test in network phones: no ban covers it$/
  })
  t.strictSame(mandates[0]!.signers, [authority.publicKey])
  t.match(readFileSync(at('pack', mandates[0]!.path), 'utf8'), /^mandate: be\n[^]*\n# signature: /)
  const page = JSON.parse(readFileSync(at('pack/evidence.json'), 'utf8')) as {
    tiles: object
    tables: { mandates: object[] }
  }
  t.match(page.tiles, { mandateMinutes: 121 })
  t.equal(page.tables.mandates.length, 4)
  const shownPage = readFileSync(at('pack/evidence.html'), 'utf8')
  t.match(shownPage, /not satisfied at all times; in force here since/)
  t.notMatch(shownPage, 'name no mandates now')
})

t.test('settings without mandates: the pack does not say that one is in force', async t => {
  const made = await interdict(
    ...['evidence', 'be-clip', '-c', at('without.yaml'), '-k', at('key.pem'), '-o', at('dropped')],
    ...['--since', '2026-06-01', '--until', '2026-06-02', '--history', at('before')]
  )
  t.equal(made.code, 0, made.err)
  const { facts } = JSON.parse(readFileSync(at('dropped/evidence.json'), 'utf8')) as {
    facts: unknown
  }
  const texts = JSON.stringify(facts)
  t.match(
    texts,
    /accepted here at 2026-06-01T11:00:00\.000Z; the gateway's settings name no mandates now/
  )
  const { mandates } = JSON.parse(readFileSync(at('dropped/mandates.json'), 'utf8')) as {
    mandates: { spans: { why: string }[] }[]
  }
  const says = mandates.map(({ spans }) =>
    spans.every(({ why }) => why.includes('name no mandates now'))
  )
  t.strictSame(says, [false, true], 'only of the issue that was not replaced')
})

t.test('a copy that cannot be used is declared', async t => {
  mkdirSync(at('state/mandates'), { recursive: true })
  const [stored] = new MandateStore(at('state/mandates')).read()
  writeFileSync(at(`state/mandates/${stored!.sha256}.yaml`), 'mandate: x\n')
  const made = await interdict(
    ...['evidence', 'be-clip', '-c', settings, '-k', at('key.pem'), '-o', at('other')],
    ...['--since', '2026-06-01', '--until', '2026-06-02']
  )
  t.equal(made.code, 0, made.err)
  t.match(readFileSync(at('other/evidence.html'), 'utf8'), /is not what was accepted/)
})
