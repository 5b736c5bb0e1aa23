import { createPublicKey, verify } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync
} from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { generateKeys } from '../../src/base/files/ed25519.js'
import { hashLine } from '../../src/lookups/chain/chain-entry.js'
import { makeAuthority, makeTimeStamp } from '../pki/time-stamps.js'
import { tendOnce } from '../querylog/archive/chain/rig.js'
import { interdict, writeSite } from './run.js'

const LINE = {
  ...{ v: 1, generation: 1, protocol: 'udp', qtype: 'A', rcode: 'NXDOMAIN', verdict: 'blocked' },
  ...{ match: 'qname', network: 'phones', client: '10.1.0.7', ban: 'be-clip', us: 1, ede: 15 }
}
const LINES = ['2026-06-01T10:00:00.000Z', '2026-06-03T10:00:00.000Z']
  .map(time => `${JSON.stringify({ ...LINE, time, qname: 'www.clip.example' })}\n`)
  .join('')
const ROUND = {
  at: '2026-06-01T11:00:00.000Z',
  asked: 12,
  failures: [
    {
      ...{ rule: 'be-clip', network: 'phones', name: 'clip.example', type: 'A' },
      server: 'udp 192.0.2.53',
      problem: 'it has records'
    }
  ]
}
const RULES = `networks:
  phones:
    prefixes: [10.1.0.0/16]
    bans: [{ id: be-clip, names: [clip.example], authority: Council, reference: Decision 7 }]
`
const { privatePem } = generateKeys()
const settings = writeSite(t, {
  'interdict.yaml':
    'rules: rules\nupstreams: { use-resolv-conf: false }\nidentity: { name: gw1 }\nlog: { queries: { file: log/queries.jsonl } }\n',
  'rules/networks.yaml': RULES,
  'log/queries.jsonl': LINES,
  'state/banned-names.json': JSON.stringify({ v: 1, since: Date.parse('2026-05-01') / 1000 }),
  'key.pem': privatePem,
  'probes.jsonl': `noise\n${JSON.stringify(ROUND)}\n${JSON.stringify({ ...ROUND, at: '2025-01-01T00:00:00Z' })}\n`
})
const site = dirname(settings)
const at = (path: string): string => join(site, path)
const words = [
  'evidence',
  'be-clip',
  '-c',
  settings,
  '--since',
  '2026-06-01',
  '--until',
  '2026-06-04'
]
const key = ['-k', at('key.pem')]

t.test('a folder with everything, signed; equal inputs give equal octets', async t => {
  const all = [...words, '--time-zone', 'Europe/Brussels', ...key, '--probes', at('probes.jsonl')]
  const made = await interdict(...all, '-o', at('one'))
  t.strictSame([made.code, made.err], [0, ''])
  t.match(made.out, /^Wrote \d+ files to .*; SHA-256 of the manifest: [0-9a-f]{64}\n$/)
  const again = await interdict(...all, '-o', at('two'))
  t.equal(again.code, 0)
  const sums = (pack: string): string[] =>
    readFileSync(at(`${pack}/SHA256SUMS`), 'utf8')
      .split('\n')
      .filter(line => !/  (evidence\.html|pack\.json)$/.test(line))
  t.strictSame(sums('two'), sums('one'), 'equal but for the time at which it was made')
  const manifest = readFileSync(at('one/SHA256SUMS'))
  const publicKey = createPublicKey(readFileSync(at('one/public-key.pem')))
  t.ok(verify(null, manifest, publicKey, readFileSync(at('one/SHA256SUMS.sig'))))
  const listed = manifest
    .toString()
    .trim()
    .split('\n')
    .map(line => line.slice(66))
  t.strictSame(
    readdirSync(at('one'), { recursive: true, encoding: 'utf8' })
      .filter(it => statSync(at(`one/${it}`)).isFile())
      .sort(),
    [...listed, 'SHA256SUMS', 'SHA256SUMS.sig'].sort()
  )
  t.equal(
    readFileSync(at('one/tables/silent-times.csv'), 'utf8'),
    'from,until\r\n2026-06-01T12:01:00.000+02:00,2026-06-03T12:00:00.000+02:00\r\n'
  )
  t.match(
    readFileSync(at('one/tables/probes.csv'), 'utf8'),
    '2026-06-01T00:00:00.000+02:00,1,12,1,1'
  )
  t.match(readFileSync(at('one/tables/probe-failures.csv'), 'utf8'), 'it has records')
  t.match(readFileSync(at('one/rules.json'), 'utf8'), '"authority": "Council"')
  const page = readFileSync(at('one/evidence.html'), 'utf8')
  t.match(page, 'Evidence for the ban be-clip')
  t.match(page, 'Settings now')
  t.match(page, 'verify.sh FOLDER PUBLIC-KEY')
  t.match(page, 'log.queries.chain was not set')
  const { facts } = JSON.parse(readFileSync(at('one/evidence.json'), 'utf8')) as { facts: object }
  t.match(facts, { Period: /2026-06-01/ })
  t.match(readFileSync(at('one/tables/networks.csv'), 'utf8'), 'phones,enforced,2,2')
  t.match(readFileSync(at('one/rules/versions.json'), 'utf8'), 'networks.yaml')
  const about = JSON.parse(readFileSync(at('one/pack.json'), 'utf8')) as { generated: string }
  t.ok(Math.abs(Date.parse(about.generated) - Date.now()) < 300_000, 'made now')
  t.match(about, { ended: true, gateway: 'gw1', until: '2026-06-03T22:00:00.000Z' })
})

t.test('a ZIP file', async t => {
  const zipped = await interdict(...words, ...key, '-o', at('pack.zip'), '--json')
  t.match(JSON.parse(zipped.out), { ban: 'be-clip', manifest: /^[0-9a-f]{64}$/ })
  const octets = readFileSync(at('pack.zip'))
  t.equal(octets.readUInt32LE(0), 0x04034b50)
  t.equal(octets.readUInt32LE(octets.length - 22), 0x06054b50)
})

t.test('what cannot be done is said', async t => {
  const open = ['evidence', 'be-clip', '-c', settings]
  t.match(await interdict(...open), { code: 2, err: /give --since, --until, --output, --key;/ })
  t.match((await interdict(...words, '-o', at('none'))).err, /give --key; .*chain.sign-key/)
  t.match(
    (await interdict(...words, ...key, '-o', at('none'), '--probes', at('nosuch'))).err,
    /--probes: /
  )
  writeFileSync(at('file'), '')
  t.match((await interdict(...words, ...key, '-o', at('one'))).err, /not empty.*CLI_OUTPUT/)
  t.match((await interdict(...words, ...key, '-o', at('file/x'))).err, /CLI_OUTPUT/)
  t.notOk(existsSync(at('none')))
  writeFileSync(at('rules/networks.yaml'), 'networks: 7')
  t.equal((await interdict(...words, ...key, '-o', at('none'))).code, 1)
  writeFileSync(at('rules/networks.yaml'), RULES)
})

t.test('the rounds that a gateway has recorded are in the pack, and the times without', async t => {
  const rounds = [
    '2026-06-01T11:00:00Z',
    '2026-06-01T11:01:00Z',
    '2026-06-02T12:00:00Z',
    '2026-06-02T12:01:00Z'
  ]
  const gap = (what: string) => ({ what, why: 'W' })
  const first = { skipped: [gap('ban be-clip'), gap('ban other'), gap('clients')] }
  const lines = rounds
    .map((at, i) =>
      JSON.stringify({
        ...ROUND,
        at,
        every: 60,
        ...(i === 0 && first),
        ...(i === 1 && { failures: [] })
      })
    )
    .join('\n')
  mkdirSync(at('state/probe'), { recursive: true })
  writeFileSync(at('state/probe/2026-06.jsonl'), `${lines}\n`)
  const { code } = await interdict(...words, ...key, '-o', at('probed'))
  t.equal(code, 0)
  const csv = (table: string): string[] =>
    readFileSync(at(`probed/tables/${table}.csv`), 'utf8')
      .trim()
      .split('\r\n')
      .slice(1)
  t.strictSame(csv('probes'), [
    '2026-06-01T00:00:00.000Z,2,24,1,1',
    '2026-06-02T00:00:00.000Z,2,24,2,2'
  ])
  const [from, until] = ['2026-06-01T11:00:00.000Z', '2026-06-02T12:01:00.000Z']
  // It was right in between.
  const wrong = 'phones,clip.example,A,udp 192.0.2.53,it has records'
  t.strictSame(csv('probe-failures'), [
    `${from},${from},1,${wrong}`,
    `2026-06-02T12:00:00.000Z,${until},2,${wrong}`
  ])
  t.strictSame(
    csv('not-probed'),
    ['ban be-clip', 'clients'].map(it => `${it},W,${from},${until}`)
  )
  t.equal(csv('probe-gaps').length, 3, 'before the first one, in between, and after the last one')
})

t.test('the receipts of a witness are in the pack, and the page says what they prove', async t => {
  const chained =
    'chain: { sign-key: key.pem }, witness: { tsa: { url: "http://127.0.0.1/", ca-file: tsa.pem } }'
  const authority = makeAuthority()
  const config = writeSite(t, {
    'interdict.yaml': `rules: rules\nupstreams: { use-resolv-conf: false }\nlog: { queries: { file: log/queries.jsonl, ${chained} } }\n`,
    'rules/networks.yaml': RULES,
    'log/queries.jsonl': LINES,
    'key.pem': privatePem,
    'tsa.pem': authority.ca
  })
  const within = (path: string): string => join(dirname(config), path)
  chmodSync(within('key.pem'), 0o600)
  const chain = {
    signKey: within('key.pem'),
    earlierKeys: [],
    checkpoint: 600_000,
    coversLive: true
  }
  await tendOnce(within('log/queries.jsonl'), '2026-06-03T12:00:00.000Z', { parquet: false, chain })
  const all = [
    'evidence',
    'be-clip',
    '-c',
    config,
    '--since',
    '2026-06-01',
    '--until',
    '2026-06-04'
  ]
  const page = async (name: string): Promise<string> => {
    const made = await interdict(...all, '-o', within(name))
    t.equal(made.code, 0, made.err)
    return readFileSync(within(`${name}/evidence.html`), 'utf8')
  }
  const without = await page('without')
  t.match(without, /no witness has confirmed it \(log\.queries\.witness\)/)
  t.match(without, /anyone with the key of the chain could have rewritten all of it since/)
  t.notOk(existsSync(within('without/log/witness.jsonl')))

  const sha256 = hashLine(readFileSync(within('log/chain.jsonl'), 'utf8').split('\n')[1]!)
  const receipt = { v: 1, n: 2, sha256, time: '2026-06-03T12:00:01.000Z', to: 'x', by: 'tsa' }
  const response = makeTimeStamp(authority, sha256).toString('base64')
  writeFileSync(within('log/witness.jsonl'), `${JSON.stringify({ ...receipt, response })}\n{"torn`)
  const witnessed = await page('witnessed')
  t.match(witnessed, /has rewritten the files of its log after a witness confirmed them/)
  t.match(witnessed, /root on the gateway alone could have rewritten at most/)
  t.match(witnessed, /verify\.sh FOLDER PUBLIC-KEY TSA-CA/)
  t.strictSame(
    readFileSync(within('witnessed/log/witness.jsonl'), 'utf8'),
    `${JSON.stringify({ ...receipt, response })}\n`
  )
  await page('again')
  const figures = (name: string): string => readFileSync(within(`${name}/evidence.json`), 'utf8')
  t.equal(figures('again'), figures('witnessed'), 'whenever it is made')
})
