import { chmodSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { readAddress } from '../../src/base/values/address.js'
import { prefixPreservingPseudonymOf, pseudonymOf } from '../../src/lookups/privacy/pseudonym.js'
import { lines, record } from '../querylog/archive/lines.js'
import { interdict, SETTINGS, writeSite } from './run.js'

const MONDAY = Buffer.alloc(32, 1)
const APRIL = Buffer.alloc(32, 2)
const CLIENT = readAddress('10.20.3.4')
const IPV6 = readAddress('2001:db8:20::7')
const at = (time: string, client: string, privacy?: string) =>
  record(time, { client, ...(privacy === undefined ? {} : { privacy }) })

const LOG = lines(
  at('2023-03-12T09:00:00.000Z', '10.20.3.4'),
  at('2023-03-12T09:00:00.000Z', '10.20.3.5'),
  at('2023-03-12T10:00:00.000Z', '10.20.3.0/24', 'prefix'),
  at('2023-03-13T09:00:00.000Z', pseudonymOf(CLIENT, MONDAY), 'pseudonym'),
  at('2023-03-13T09:30:00.000Z', prefixPreservingPseudonymOf(CLIENT, MONDAY), 'pseudonym'),
  // Under the key of another day this is another client.
  at('2023-03-14T09:00:00.000Z', prefixPreservingPseudonymOf(CLIENT, MONDAY), 'pseudonym'),
  at('2023-04-30T23:59:59.000Z', pseudonymOf(CLIENT, APRIL), 'pseudonym'),
  at('2023-04-30T09:00:00.000Z', pseudonymOf(IPV6, APRIL), 'pseudonym'),
  at('2023-03-12T09:00:00.000Z', '2001:db8:20::7'),
  at('2023-03-12T09:00:00.000Z', '2001:db8:20::/56', 'prefix')
)

function logged(t: Test): string {
  const keys = {
    'keys/2023-03-13.key': MONDAY.toString('hex'),
    'keys/2023-04.key': APRIL.toString('hex')
  }
  const config = writeSite(t, { 'interdict.yaml': SETTINGS, 'log/queries.jsonl': LOG, ...keys })
  for (const file of Object.keys(keys)) chmodSync(join(dirname(config), file), 0o600)
  return config
}

interface Told {
  readonly facts: Readonly<Record<string, string>>
  readonly tables: { readonly day: readonly { readonly day: string; readonly lookups: number }[] }
  readonly remarks: readonly string[]
}

async function ask(config: string, ...words: string[]): Promise<Told> {
  const all = ['report', '-c', config, '--by', 'day', '--format', 'json', ...words]
  return JSON.parse((await interdict(...all)).out) as Told
}

const daysOf = ({ tables }: Told): string[] =>
  tables.day.map(({ day, lookups }) => `${day.slice(0, 10)} ${lookups}`).sort()

t.test('finds a client by its address, its prefix, and its pseudonym of each day', async t => {
  const told = await ask(logged(t), '--client', '10.20.3.4')
  t.strictSame(daysOf(told), ['2023-03-12 2', '2023-03-13 2', '2023-04-30 1'])
  t.match(told.facts['Only client'], /^10\.20\.3\.4, and its 2 pseudonyms/)
  t.match(told.remarks, [/^1 lookup.* 10\.20\.3\.0\/24 only/])
})

const asked = [
  { it: 'IPv6', words: ['--client', '2001:DB8:20:0::7'], days: ['2023-03-12 2', '2023-04-30 1'] },
  {
    it: 'within a time',
    words: ['--client', '10.20.3.4', '--since', '2023-03-13', '--until', '2023-03-14'],
    days: ['2023-03-13 2']
  },
  {
    it: 'by a pseudonym from the log',
    words: ['--client', prefixPreservingPseudonymOf(CLIENT, MONDAY)],
    days: ['2023-03-13 1', '2023-03-14 1']
  },
  { it: 'by a prefix', words: ['--client', '10.20.0.0/16'], days: ['2023-03-12 3'] },
  { it: 'by a prefix of IPv6', words: ['--client', '2001:db8::/32'], days: ['2023-03-12 2'] },
  { it: 'of an unused prefix', words: ['--client', '192.0.2.0/24'], days: [] },
  {
    it: 'with another condition',
    words: ['--client', '10.20.3.4', '--network', 'guests'],
    days: []
  }
] as const

for (const { it, words, days } of asked) {
  t.test(`selects clients: ${it}`, async t =>
    t.strictSame(daysOf(await ask(logged(t), ...words)), days)
  )
}

t.test('reports unreadable keys, and finds the client without them', async t => {
  const config = logged(t)
  chmodSync(join(dirname(config), 'keys/2023-04.key'), 0o644)
  const told = await ask(config, '--client', '10.20.3.4')
  t.strictSame(daysOf(told), ['2023-03-12 2'])
  t.match(told.remarks[0], /^Pseudonyms not searched: /)
})

t.test('says where clients are not devices', async t => {
  const { remarks } = await ask(logged(t))
  t.match(remarks.join('\n'), /prefixes of addresses here.*\n.*pseudonyms of a day or month here/)
  const full = await ask(logged(t), '--client', '10.20.3.4')
  t.notMatch(full.remarks.join('\n'), /prefixes of addresses here/)
})
