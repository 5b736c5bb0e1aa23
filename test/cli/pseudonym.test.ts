import { chmodSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { readAddress } from '../../src/base/values/address.js'
import {
  devicePseudonymOf,
  prefixPreservingPseudonymOf,
  pseudonymOf
} from '../../src/lookups/privacy/pseudonym.js'
import { FILES, interdict, writeSite } from './run.js'

const KEY = Buffer.alloc(32, 1)
const OTHER = Buffer.alloc(32, 2)
const CLIENT = readAddress('10.20.3.4')

function withKeys(t: Test): string {
  const files = {
    'keys/2023-03-13.key': KEY.toString('hex'),
    'keys/2023-04.key': OTHER.toString('hex')
  }
  const config = writeSite(t, { ...FILES, ...files })
  for (const file of Object.keys(files)) chmodSync(join(dirname(config), file), 0o600)
  return config
}

t.test('shows both kinds of pseudonym of a day', async t => {
  const ran = await interdict('pseudonym', '10.20.3.4', '--date', '2023-03-13', '-c', withKeys(t))
  t.match(ran, { code: 0, err: '' })
  t.match(ran.out, pseudonymOf(CLIENT, KEY))
  t.match(ran.out, prefixPreservingPseudonymOf(CLIENT, KEY))
  t.notMatch(ran.out, '2023-04')
})

t.test('shows the pseudonym of a recognized client', async t => {
  const words = ['pseudonym', 'phones/17', '--date', '2023-03-13', '--json', '-c', withKeys(t)]
  const plain = devicePseudonymOf('phones/17', KEY)
  const { code, out } = await interdict(...words)
  t.match(
    { code, ...(JSON.parse(out) as object) },
    { code: 0, address: 'phones/17', pseudonyms: [{ plain }] }
  )
  t.match(await interdict('pseudonym', '10.0.0/8', '-c', withKeys(t)), { code: 2 })
})

t.test('shows the pseudonyms of a month, and all of them, as JSON', async t => {
  const config = withKeys(t)
  const day = await interdict('pseudonym', '10.20.3.4', '-d', '2023-04-30', '-c', config)
  t.match(day.out, pseudonymOf(CLIENT, OTHER))
  const all = await interdict('pseudonym', '::ffff:10.20.3.4', '--all', '--json', '-c', config)
  t.match(JSON.parse(all.out), {
    address: '10.20.3.4',
    pseudonyms: [
      { period: '2023-03-13', plain: pseudonymOf(CLIENT, KEY) },
      { period: '2023-04', plain: pseudonymOf(CLIENT, OTHER) }
    ]
  })
})

const wrong = [
  {
    it: 'no key for that day',
    words: ['10.20.3.4', '-d', '2023-03-14'],
    code: 1,
    says: 'PRIVACY_NO_KEY'
  },
  { it: 'an invalid address', words: ['10.20.3'], code: 2, says: 'address' },
  { it: 'an invalid day', words: ['10.20.3.4', '-d', '2023-02-30x'], code: 2, says: '--date' },
  {
    it: '--date with --all',
    words: ['10.20.3.4', '-d', '2023-03-13', '--all'],
    code: 2,
    says: '--all'
  }
]
for (const { it, words, code, says } of wrong) {
  t.test(`${it}: exit code ${code}`, async t => {
    const ran = await interdict('pseudonym', ...words, '-c', withKeys(t))
    t.match(ran, { code, out: '' })
    t.match(ran.err, says)
  })
}

t.test('reports a missing key folder, and a key that others can read', async t => {
  t.match(
    (await interdict('pseudonym', '10.20.3.4', '-c', writeSite(t, FILES))).err,
    'PRIVACY_NO_KEY'
  )
  const config = withKeys(t)
  chmodSync(join(dirname(config), 'keys/2023-03-13.key'), 0o644)
  t.match((await interdict('pseudonym', '10.20.3.4', '--all', '-c', config)).err, 'PRIVACY_KEY')
})

t.test('check warns of unknown networks, and rejects keys in the log folder', async t => {
  const settings = (privacy: string) =>
    `rules: rules\nlog: { queries: { file: log/q.jsonl, privacy: ${privacy} } }\n`
  const strange = settings('{ networks: { phnes: none, phones: prefix } }')
  const warned = await interdict(
    'check',
    '-c',
    writeSite(t, { ...FILES, 'interdict.yaml': strange })
  )
  t.match(warned, {
    code: 0,
    out: /interdict\.yaml:2:\d+: .*'phnes'.*'phones'\? \(PRIVACY_NETWORK\)/
  })
  const beside = writeSite(t, { ...FILES, 'interdict.yaml': settings('{ keys: log }') })
  t.match(await interdict('check', '-c', beside), { code: 1, out: /log\.queries\.privacy\.keys/ })
})

t.test('creates keys ahead, and leaves those that exist', async t => {
  const config = writeSite(t, FILES)
  const folder = join(dirname(config), 'keys')
  const day = (days: number): string =>
    new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10)
  const create = (last: string) => interdict('pseudonym', '--create-keys', last, '-c', config)
  t.match(await create(day(2)), { code: 0, out: /^\d keys created in .*keys\n$/ })
  t.strictSame(readdirSync(folder).sort().slice(-2), [`${day(1)}.key`, `${day(2)}.key`])
  const key = readFileSync(join(folder, `${day(2)}.key`), 'utf8')
  t.match(await create(day(3)), { code: 0, out: /^1 key created/ })
  t.equal(readFileSync(join(folder, `${day(2)}.key`), 'utf8'), key)
  t.equal(statSync(join(folder, `${day(3)}.key`)).mode & 0o777, 0o600)
  t.match(await create(day(500)), { code: 2, err: 'more than 400 keys' })
  t.match(await create('tomorrow'), { code: 2, err: 'is not a day' })
  t.match(await interdict('pseudonym', '-c', config), { code: 2, err: 'missing argument' })
})
