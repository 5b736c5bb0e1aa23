import { dirname } from 'node:path'
import t from 'tap'
import {
  containsPrefix,
  showAddress,
  showPrefix,
  type Prefix
} from '../../src/base/values/address.js'
import { parsePrefix } from '../../src/base/values/parse-prefix.js'
import { perform } from '../../src/cli/perform.js'
import { REQUESTS } from '../../src/gateway/processes/requests.js'
import { VERDICT, PROTOCOL } from '../../src/lookups/event/query-event.js'
import { openDatabase } from '../../src/lookups/archive/database.js'
import { filterConditions } from '../../src/lookups/sql/filter-condition.js'
import {
  LOOKUP_FILTERS,
  TRANSPORTS,
  type LookupFilters
} from '../../src/lookups/sql/lookup-filters.js'
import { quoted } from '../../src/lookups/sql/lookups-sql.js'
import { FILTERS } from '../../src/admin/web/log-filter.js'
import { VERDICTS } from '../../src/cli/program/filter-options.js'
import { VERDICT_FILTERS } from '../../src/analysis/views/record-filter.js'
import { processIo } from '../../src/cli/process-io.js'
import { FILES, interdict, NETWORKS, SETTINGS, writeSite } from '../cli/run.js'
import { apiRig } from '../daemon/api/rig.js'
import { answering } from '../daemon/api/services.js'

const BLOCKED = { verdict: 'blocked', match: 'qname' }
const CLIP = { ...BLOCKED, app: 'clip', ban: 'phones/federal' }
const MALWARE = { ...BLOCKED, list: 'malware', block: 'phones/malware' }

/** Each lookup has the letter of its name. */
const LOOKUPS: readonly object[] = [
  { qname: 'a.clip.example', client: '10.20.3.15', network: 'phones', ...CLIP },
  { qname: 'b.clip.example', client: '10.20.200.1', network: 'phones', protocol: 'doh', ...CLIP },
  { qname: 'c.evil.example', client: '10.21.0.0/24', privacy: 'prefix', ...MALWARE },
  { qname: 'd.example', client: '10.20.3.15', qtype: 'AAAA', protocol: 'tcp' },
  { qname: 'e.example', client: '2001:db8:0:1::7', network: 'staff', verdict: 'forwarded' },
  { qname: 'f.example', client: '2001:db8:0:12::7', device: 'phones/17', network: 'staff' },
  { qname: 'g.example', client: 'p~0123456789abcdef', privacy: 'pseudonym', qtype: 'TYPE65280' },
  { qname: 'h.clip.example', client: '::1', network: 'staff', protocol: 'dot', qtype: 'HTTPS' },
  { qname: 'i.example', privacy: 'none', network: 'guests', verdict: 'allowed', app: 'clip' },
  {
    qname: 'clip.example',
    client: '110.20.3.15',
    verdict: 'monitored',
    match: 'qname',
    ban: 'trial'
  }
]
const TIME = Date.parse('2026-11-26T10:00:00Z')
const LINES = LOOKUPS.map((lookup, i) => {
  const time = new Date(TIME + i * 60_000).toISOString()
  const rest = { generation: 1, protocol: 'udp', qtype: 'A', verdict: 'cached', us: 1, ...lookup }
  return `${JSON.stringify({ v: 1, time, ...rest })}\n`
})

/** Filters, and the first letters of the names of the lookups that they select. */
const TABLE: readonly (readonly [LookupFilters, string])[] = [
  [{ client: ['10.20.3.15'] }, 'ad'],
  [{ client: ['10.20.0.0/16'] }, 'abd'],
  [{ client: ['10.20.0.0/17'] }, 'ad'],
  [{ client: ['10.20.192.0/18'] }, 'b'],
  [{ client: ['10.0.0.0/8'] }, 'abcd'],
  [{ client: ['10.20.0.0/15'] }, 'abcd'],
  [{ client: ['10.21.0.0/24'] }, 'c'],
  [{ client: ['10.21.0.0/25'] }, ''],
  [{ client: ['10.21.0.7'] }, ''],
  [{ client: ['0.0.0.0/0'] }, 'abcdC'],
  [{ client: ['2001:db8::/32'] }, 'ef'],
  [{ client: ['2001:db8:0:1::/64'] }, 'e'],
  [{ client: ['2001:db8:0:10::/60'] }, 'f'],
  [{ client: ['2001:db8:0:0::/61'] }, 'e'],
  [{ client: ['2001:DB8:0:1:0:0:0:7'] }, 'e'],
  [{ client: ['::/0'] }, 'abcdefhC'],
  [{ client: ['::/8'] }, 'abcdhC'],
  [{ client: ['p~0123456789abcdef'] }, 'g'],
  [{ client: ['phones'] }, 'f'],
  [{ client: ['phones/17'] }, 'f'],
  [{ device: ['phones'] }, 'f'],
  [{ device: ['phones/1'] }, ''],
  [{ network: ['staff'] }, 'efh'],
  [{ app: ['clip'] }, 'abi'],
  [{ list: ['malware'] }, 'c'],
  [{ ban: ['phones/federal'] }, 'ab'],
  [{ verdict: ['blocked'] }, 'abc'],
  [{ verdict: ['monitored'] }, 'C'],
  [{ transport: ['doh'] }, 'b'],
  [{ transport: ['udp'], verdict: ['blocked'] }, 'ac'],
  [{ name: ['clip.example'] }, 'abhC'],
  [{ name: ['=clip.example'] }, 'C'],
  [{ name: ['*.CLIP.example'] }, 'abh'],
  [{ type: ['aaaa'] }, 'd'],
  [{ type: ['TYPE65'] }, 'h'],
  [{ type: ['TYPE65280'] }, 'g'],
  [{ client: ['10.20.0.0/16'], app: ['clip'], transport: ['doh'] }, 'b'],
  [{ network: [`staff' OR '1'='1`] }, '']
]
/** Those that take several values, where reports take one. */
const SEVERAL: typeof TABLE = [
  [{ client: ['10.20.3.15', '2001:db8::/32'] }, 'adef'],
  [{ transport: ['dot', 'doh'], network: ['phones', 'staff'] }, 'bh']
]

const letters = (names: readonly string[]): string =>
  names
    .map(name => (name === 'clip.example' ? 'C' : name[0]!))
    .sort((a, b) => 'abcdefghiC'.indexOf(a) - 'abcdefghiC'.indexOf(b))
    .join('')

const words = (filters: LookupFilters): string[] =>
  Object.entries(filters).flatMap(([filter, values]) => [`--${filter}`, ...values!])

t.test('every filter selects the same lookups in the CLI, the API and reports', async t => {
  const config = writeSite(t, {
    'interdict.yaml': `${SETTINGS}log: { queries: { file: queries.jsonl } }\n`,
    'rules/networks.yaml': NETWORKS,
    'queries.jsonl': LINES.join('')
  })
  const log = dirname(config)
  const options = { config, log }
  const io = { ...processIo, stderr: { write: () => true, once: () => undefined } }
  const command = answering((name, request) =>
    perform(name, REQUESTS[name].request.parse(request) as never, options, io)
  )
  const rig = await apiRig(t, { services: { command } })
  const token = rig.token('r', ['read'])
  const namesOf = (text: string): string[] =>
    (JSON.parse(text) as { qname: string }[]).map(({ qname }) => qname)

  for (const [filters, expected] of [...TABLE, ...SEVERAL]) {
    const what = JSON.stringify(filters)
    const given = words(filters)
    const query = await interdict('query', '-c', config, ...given, '--json')
    t.match(query, { code: 0 }, query.err)
    t.equal(letters(namesOf(query.out)), expected, `query ${what}`)

    const all = filters.verdict === undefined ? ['--verdict', 'all'] : []
    const tail = await interdict('tail', log, '--no-follow', '-n', '99', '--json', ...given, ...all)
    const lines = tail.out.split('\n').filter(Boolean)
    t.equal(letters(namesOf(`[${lines.join(',')}]`)), expected, `tail ${what}`)

    const parameters = new URLSearchParams(
      Object.entries(filters).flatMap(([key, values]) =>
        values!.map((one): [string, string] => [key, one])
      )
    )
    const page = await rig.send({ url: `/api/v1/lookups?${parameters.toString()}`, token })
    t.equal(
      letters(namesOf(JSON.stringify(page.json<{ items: unknown }>().items))),
      expected,
      `API ${what}`
    )
  }

  for (const [filters, expected] of TABLE) {
    const what = JSON.stringify(filters)
    // Reports add lookups that the log has with the prefix of the client only, and say so.
    if (filters.client?.[0] === '10.21.0.7') continue
    // A misspelt id is an error of a report.
    if (expected === '' && filters.network !== undefined) continue
    const report = await interdict(
      'report',
      '-c',
      config,
      '--by',
      'name',
      '--all',
      '--json',
      ...words(filters)
    )
    t.match(report, { code: 0 }, `${what} ${report.err}`)
    const { tables } = JSON.parse(report.out) as { tables: { name: { name: string }[] } }
    t.equal(letters(tables.name.map(({ name }) => name)), expected, `report ${what}`)
  }
})

t.test('one list of filters', t => {
  t.strictSame(
    [...FILTERS].sort(),
    [...LOOKUP_FILTERS, 'since', 'until'].sort(),
    'of the dashboard'
  )
  t.strictSame(Object.keys(PROTOCOL), [...TRANSPORTS])
  t.strictSame([...VERDICTS].sort(), [...Object.keys(VERDICT), 'all'].sort())
  t.strictSame([...VERDICTS].sort(), [...VERDICT_FILTERS].sort())
  t.end()
})

t.test('wrong values are refused, each by its option', async t => {
  for (const [option, value, why] of [
    ['--type', 'AAAAA', /--type: AAAAA is not a query type/],
    ['--transport', 'quic', /--transport: quic is not one of udp/],
    ['--verdict', 'banned', /--verdict: banned is not one of/],
    ['--name', 'a..b', /--name/]
  ] as const) {
    t.match(await interdict('query', option, value), { code: 2, err: why })
    t.match(await interdict('tail', option, value), { code: 2, err: why })
    t.match(await interdict('report', option, value), { code: 2, err: why })
  }
  const config = writeSite(t, { ...FILES, 'queries.jsonl': LINES[2]! })
  const log = dirname(config)
  t.match(await interdict('report', '-c', config, '--log', log, '--list', 'malwar'), {
    code: 1,
    err: /unknown list 'malwar'.*did you mean 'malware'/
  })
  t.end()
})

t.test('lookups of the gateway itself are found by their verdict', async t => {
  const probe = LINES[0]!.replace('"blocked"', '"probe"')
  const config = writeSite(t, { 'interdict.yaml': SETTINGS, 'queries.jsonl': LINES[1]! + probe })
  const found = async (...more: string[]): Promise<number> => {
    const { out } = await interdict('query', '--log', dirname(config), '--json', ...more)
    return (JSON.parse(out) as unknown[]).length
  }
  t.equal(await found('--verdict', 'probe'), 1)
  t.equal(await found('--verdict', 'blocked', 'probe'), 2)
  t.equal(await found('--app', 'clip'), 1)
})

t.test('a prefix in SQL covers the same addresses as elsewhere', async t => {
  let seed = 38
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
    return (seed >>> 8) % below
  }
  /** Octets that are often zero, so that there is something to compress. */
  const address = (): Uint8Array => {
    const isIpv4 = random(2) === 0
    return Uint8Array.from({ length: 16 }, (_, i) => {
      if (isIpv4 && i < 12) return i < 10 ? 0 : 0xff
      return random(3) > 0 ? 0 : random(256)
    })
  }
  const cut = (octets: Uint8Array, length: number): Prefix => ({
    length,
    address: octets.map((octet, i) => octet & (0xff00 >> Math.min(Math.max(length - 8 * i, 0), 8)))
  })
  const clients = Array.from({ length: 400 }, () => {
    const octets = address()
    return random(4) === 0 ? showPrefix(cut(octets, 96 + random(33))) : showAddress(octets)
  })
  const database = await openDatabase({ memory: 64 * 2 ** 20, threads: 1 })
  t.teardown(() => database.close())
  const values = clients.map(client => `(${quoted(client)}, NULL::VARCHAR)`).join(', ')
  await database.run(`CREATE TABLE log AS SELECT * FROM (VALUES ${values}) AS t(client, device)`)
  for (let round = 0; round < 200; round++) {
    const near = parsePrefix(clients[random(clients.length)]!)!.address
    const outer = cut(near, random(129))
    const shown = showPrefix(outer)
    const [condition] = filterConditions({ client: [shown] })
    const rows = await database.rows<{ client: string }>(
      `SELECT client FROM log WHERE ${condition}`
    )
    const expected = clients.filter(client =>
      containsPrefix(parsePrefix(shown)!, parsePrefix(client)!)
    )
    t.strictSame(rows.map(({ client }) => client).sort(), [...expected].sort(), shown)
  }
})
