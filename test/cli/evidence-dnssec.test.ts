import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { generateKeys } from '../../src/base/files/ed25519.js'
import { loadRules } from '../../src/policy/rules/load.js'
import { interdict, writeSite } from './run.js'

const EXPIRES =
  '{ name: late.example, purpose: expired signatures, approved-by: Ops, from: 2026-06-01, until: 2026-06-01T12:00:00Z }'
const REMOVED =
  '{ name: gone.example, purpose: wrong DS, approved-by: CISO, from: 2026-06-01T10:30:00Z, until: 2026-06-20 }'
const rules = (phones: string, ...exceptions: string[]): string => `networks:
  phones:
    prefixes: [10.1.0.0/16]
    dnssec: ${phones}
    bans: [{ id: be-clip, names: [clip.example], authority: Council, reference: R7 }]
  guests: { prefixes: [10.2.0.0/16] }
dnssec: { exceptions: [${exceptions.join(', ')}] }
`
const settings = writeSite(t, {
  'interdict.yaml':
    'rules: rules\nupstreams: { use-resolv-conf: false }\nstate: { folder: state }\nlog: { queries: { file: log/queries.jsonl } }\n',
  'key.pem': generateKeys().privatePem,
  'before/networks.yaml': rules('enforce', EXPIRES, REMOVED),
  'rules/networks.yaml': rules('observe', EXPIRES),
  'log/queries.jsonl': '',
  'state/banned-names.json': JSON.stringify({ v: 1, since: Date.parse('2026-05-01') / 1000 })
})
const at = (...path: string[]): string => join(dirname(settings), ...path)

async function line(time: string, generation: number, folder: string): Promise<string> {
  const loaded = await loadRules(at(folder))
  const sha256 = loaded.ok ? loaded.rules.sha256.slice(0, 12) : ''
  const record = {
    ...{ v: 1, time, generation, sha256, protocol: 'udp', qname: 'clip.example', qtype: 'A' },
    ...{ rcode: 'NXDOMAIN', verdict: 'blocked', match: 'qname', network: 'phones' },
    ...{ client: '10.1.0.7', ban: 'be-clip', us: 1, ede: 15 }
  }
  return `${JSON.stringify(record)}\n`
}

t.test('a pack has the state of DNSSEC of each network, and the exceptions from it', async t => {
  const day = '2026-06-01T'
  writeFileSync(
    at('log/queries.jsonl'),
    [
      await line(`${day}09:00:00.000Z`, 1, 'before'),
      await line(`${day}11:00:00.000Z`, 1, 'before'),
      await line(`${day}11:20:00.000Z`, 2, 'rules'),
      await line(`${day}14:00:00.000Z`, 2, 'rules')
    ].join('')
  )
  const made = await interdict(
    ...['evidence', 'be-clip', '-c', settings, '-k', at('key.pem'), '-o', at('pack')],
    ...['--since', '2026-06-01', '--until', '2026-06-02', '--time-zone', 'UTC'],
    ...['--history', at('before')]
  )
  t.equal(made.code, 0, made.err)
  const { tables } = JSON.parse(readFileSync(at('pack/evidence.json'), 'utf8')) as {
    tables: Record<string, Record<string, string>[]>
  }
  const hour = (time: string | undefined): string => time!.slice(11, 19)
  const states = tables.dnssec!.map(({ from, until, dnssec, networks }) =>
    [hour(from), hour(until), dnssec, networks].join(' ')
  )
  // Between two lines of different rules, it is not known when they changed; without any lines, nothing is.
  t.strictSame(states, [
    '00:00:00 09:00:00 not known guests, phones',
    '09:00:00 11:00:00 enforce phones',
    '09:00:00 14:00:00 off guests',
    '11:00:00 11:20:00 not known phones',
    '11:20:00 14:00:00 observe phones',
    '14:00:00 00:00:00 not known guests, phones'
  ])
  const exceptions = tables['dnssec-exceptions']!.map(
    ({ name, approvedBy, ends, from, until, end, networks }) =>
      [name, approvedBy, ends!.slice(0, 16), hour(from), hour(until), end, networks].join(' ')
  )
  t.strictSame(exceptions, [
    'late.example Ops 2026-06-01T12:00 09:00:00 11:00:00 in force phones',
    'gone.example CISO 2026-06-20T00:00 10:30:00 11:00:00 removed phones',
    'late.example Ops 2026-06-01T12:00 11:00:00 12:00:00 expired '
  ])
})
