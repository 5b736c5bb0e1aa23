/**
 * Generated traffic as an evidence pack, a week by default, and what its verifiers find: the figures are the generator's, and
 * 20 packs with one change each are all found, those that were signed again included.
 *
 *     node dist/test/interop/evidence-month.js [DAYS]
 */
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { generateKeys, parsePrivateKey } from '../../src/base/files/ed25519.js'
import { Chain } from '../../src/lookups/chain/chain.js'
import { encodeFindingLine, type EgressFinding } from '../../src/lookups/egress/egress-finding.js'
import { LogLayout } from '../../src/lookups/files/log-layout.js'
import { signPack } from '../../src/analysis/evidence/sign-pack.js'
import { VERIFY_PY } from '../../src/analysis/evidence/verify-py.js'
import { VERIFY_SH } from '../../src/analysis/evidence/verify-sh.js'
import { install } from '../../tools/install.js'
import { interdict } from '../cli/run.js'
import { BAN, CATALOGUE, generate, VERSIONS, type Line } from '../report/month.js'
import { folder } from './processes.js'

t.setTimeout(1_200_000)
install('openssl', '/usr/bin/python3')

const DAYS = Number(process.argv[2] ?? 7)
const SINCE = Date.parse('2026-06-01T00:00:00Z')
const DAY = 86_400_000
const home = folder(t)
const at = (path: string): string => join(home, path)
const { privatePem, publicKey } = generateKeys()
const month = await generate(at('history'), SINCE, DAYS * 1440, 4, 7)

mkdirSync(at('rules'))
mkdirSync(at('log'))
mkdirSync(at('state'))
writeFileSync(at('key.pem'), privatePem, { mode: 0o600 })
writeFileSync(at('rules/networks.yaml'), VERSIONS.a)
writeFileSync(at('rules/catalogue.json'), CATALOGUE)
writeFileSync(
  at('interdict.yaml'),
  'rules: rules\nupstreams: { use-resolv-conf: false }\nlog: { queries: { chain: { sign-key: key.pem } } }\n'
)
writeFileSync(
  at('state/banned-names.json'),
  JSON.stringify({ v: 1, since: SINCE / 1000 - DAY / 1000 })
)

/** Closed files of a day each; that of the gap has lines that only the chain knows. */
function writeClosed(lines: readonly Line[], closedAt: number): string {
  const stamp = new Date(closedAt).toISOString().replaceAll(/[-:]/g, '')
  const name = `log/queries-${stamp}.jsonl`
  writeFileSync(at(name), lines.map(({ record }) => `${JSON.stringify(record)}\n`).join(''))
  return name
}
const gap = writeClosed(month.lost, month.lost.at(-1)!.at + 1)
for (let day = 0; day < DAYS; day++) {
  const [from, until] = [SINCE + day * DAY, SINCE + (day + 1) * DAY]
  const own = month.lines.filter(line => from <= line.at && line.at < until)
  writeClosed(own, until)
}
/** Lookups of other names, of which there are fewer on the last day: attempts to bypass the resolver. */
const bypassing = Array.from({ length: DAYS }, (_, day) =>
  Array.from({ length: day === DAYS - 1 ? 5 : 30 }, (_, i) => ({
    ...{ v: 1, protocol: 'udp', qtype: 'A', rcode: 'NOERROR', us: 9, network: 'quiet' },
    time: new Date(SINCE + day * DAY + Math.floor((i * DAY) / 30) + 60_000).toISOString(),
    verdict: i % 3 === 0 ? 'blocked' : 'forwarded',
    qname: i % 2 === 0 ? 'use-application-dns.net' : 'mask.icloud.com',
    client: `10.9.0.${i % 7}`
  }))
).flat()
const bypassingEnd = new Date(SINCE + DAYS * DAY - 30_000).toISOString()
writeFileSync(
  at('log/queries.jsonl'),
  [...bypassing, { ...bypassing[0], time: bypassingEnd }]
    .map(record => `${JSON.stringify(record)}\n`)
    .join('')
)
/** Connections to addresses of the ban, and to one of another app, which the pack leaves out. */
const subject = (i: number): { readonly apps: string[]; readonly names: string[] } => {
  if (i % 10 === 9) return { apps: ['other'], names: [] }
  if (i % 10 === 7) return { apps: [], names: i % 20 === 7 ? ['ads.example'] : [] }
  return i % 2 === 0 ? { apps: [], names: ['www.clip.example'] } : { apps: ['clips'], names: [] }
}
const isOfBan = (i: number): boolean => i % 10 !== 9 && i % 10 !== 7
const connections = Array.from({ length: 40 }, (_, i) => {
  const time = SINCE + Math.floor((i * DAYS * DAY) / 40) + 1_000
  const finding: EgressFinding = {
    ...{
      kind: 'banned' as const,
      network: i % 3 === 0 ? 'laptops' : 'phones',
      client: `10.1.0.${i % 5}`
    },
    ...{
      destination: `203.0.113.${i % 4}`,
      port: 443,
      protocol: i % 2 === 0 ? ('tcp' as const) : ('udp' as const)
    },
    // By a name of the ban, by one of its app, and of other bans of the same networks.
    ...{ apps: subject(i).apps, names: subject(i).names },
    ...{
      first: time - 900,
      last: time,
      connections: 1 + (i % 3),
      octets: i % 4 === 0 ? null : 1_000 * i
    }
  }
  return { event: 'finding' as const, time, finding }
})
const observed = [
  { event: 'start', time: SINCE - DAY } as const,
  ...connections,
  { event: 'alive', time: SINCE + DAY / 2 } as const,
  { event: 'lost', time: SINCE + DAY, count: 7 } as const,
  { event: 'stop', time: SINCE + DAY + 1 } as const,
  { event: 'start', time: SINCE + DAY + 60_000 } as const,
  { event: 'alive', time: SINCE + DAY + 660_000 } as const
].sort((a, b) => a.time - b.time)
writeFileSync(at('log/egress.jsonl'), observed.map(line => `${encodeFindingLine(line)}\n`).join(''))
const failure = {
  ...{ rule: BAN, network: 'phones', name: 'clip.example', type: 'A' },
  ...{ server: 'udp 192.0.2.53', problem: 'it has records' }
}
const rounds = [3, 63, 123, 3000, 3060].map((minute, i) => ({
  at: new Date(SINCE + minute * 60_000).toISOString(),
  ...{ every: 3600, asked: 100 + i },
  failures: i === 1 || i === 2 ? [failure, { ...failure, rule: 'other' }] : [],
  ...(i === 0 && { skipped: [{ what: 'clients by token', why: 'no' }] })
}))
writeFileSync(at('probes.jsonl'), rounds.map(round => `${JSON.stringify(round)}\n`).join(''))
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined }
const chain = await Chain.open(
  new LogLayout(at('log/queries.jsonl')),
  { signKey: at('key.pem'), earlierKeys: [], checkpoint: 3_600_000 },
  month.until,
  quiet
)
await chain.recordClosedFiles(error => {
  throw error
})
chain.writeCheckpoint()
rmSync(at(gap))

const known = ['a', 'b', 'c', 'd', 'g'].map(letter => at(`history/${letter}`))
// With a day and a half without a lookup.
const until = new Date(month.until + 1.5 * DAY).toISOString().replace('.000', '')
const made = await interdict(
  ...[
    'evidence',
    BAN,
    '-c',
    at('interdict.yaml'),
    '--since',
    '2026-06-01',
    '--until',
    until,
    '--time-zone',
    'UTC',
    '--probes',
    at('probes.jsonl')
  ],
  ...['-k', at('key.pem'), '-o', at('pack'), '--history', ...known]
)
t.strictSame([made.code, made.err], [0, ''])
// From the operator, not from the pack.
writeFileSync(at('verify.py'), VERIFY_PY)
writeFileSync(at('verify.sh'), VERIFY_SH)
const python = (pack: string) => run('/usr/bin/python3', at('verify.py'), pack)
const shell = (pack: string) => run('/bin/sh', at('verify.sh'), pack)
function run(program: string, ...words: string[]) {
  const { status, stdout, stderr } = spawnSync(program, [...words, publicKey], { encoding: 'utf8' })
  return { status, text: stdout + stderr }
}

interface Pack {
  tiles: Record<string, number>
  tables: Record<string, Record<string, string | number>[]>
}

t.test('the figures are those of the generator', t => {
  const { tiles, tables } = JSON.parse(readFileSync(at('pack/evidence.json'), 'utf8')) as Pack
  const of = (what: string): number => month.lines.filter(({ outcome }) => outcome === what).length
  t.equal(tiles.lookups, month.lines.length)
  t.equal(tiles.blockedShare, of('blocked') / month.lines.length)
  for (const { outcome, lookups } of tables.outcomes!)
    t.equal(lookups, of(String(outcome)), String(outcome))
  const minutes = new Map(tables.minutes!.map(({ status, minutes }) => [status, minutes]))
  for (const status of ['not in force', 'log missing', 'restart']) {
    const truth = month.minutes.filter(one => one === status).length
    const found = Number(minutes.get(status))
    // Without the times at which rules changed, a minute of each change may not be known.
    t.ok(
      found <= truth && found >= truth - month.activations.length,
      `${status}: ${found} of ${truth}`
    )
  }
  const exceptions = tables.exceptions!.map(({ exception }) => exception)
  t.strictSame(new Set(exceptions), new Set(['press', 'lab']))
  t.end()
})

t.test('connections are those of the generator', t => {
  const { tiles, tables } = JSON.parse(readFileSync(at('pack/evidence.json'), 'utf8')) as Pack
  const own = connections.filter((_, i) => isOfBan(i))
  const sum = (count: (of: (typeof own)[number]['finding']) => number): number =>
    own.reduce((total, { finding }) => total + count(finding), 0)
  const inTable = (key: string): number =>
    tables['egress-connections']!.reduce((total, row) => total + Number(row[key] ?? 0), 0)
  t.equal(
    tiles.egressConnections,
    sum(one => one.connections)
  )
  t.equal(
    inTable('connections'),
    sum(one => one.connections)
  )
  t.equal(
    inTable('octets'),
    sum(one => one.octets ?? 0)
  )
  const html = readFileSync(at('pack/evidence.html'), 'utf8')
  // From ten minutes before the first line to the stop; then ten more.
  t.match(html, `observed for ${(740).toLocaleString('en')} of`)
  const states = new Set(tables.egress!.map(({ egress }) => egress))
  t.ok(states.has('observe') && states.has('deny') && states.has('off'))
  t.end()
})

t.test('the names that an update of the catalogue added have their dates', t => {
  const { tables } = JSON.parse(readFileSync(at('pack/evidence.json'), 'utf8')) as Pack
  t.strictSame(tables['catalogue-names'], [
    {
      ...{ app: 'clips', name: '=new.clips-cdn.example', serial: 7 },
      ...{ added: '2026-05-20T10:00:00.000Z', enforced: '2026-05-21T10:00:00.000Z' }
    }
  ])
  t.end()
})

t.test('both verifiers find it unaltered', t => {
  const [byPython, byShell] = [python(at('pack')), shell(at('pack'))]
  t.equal(byPython.status, 0, byPython.text)
  t.equal(byShell.status, 0, byShell.text)
  t.match(byShell.text, 'signed with the key of the pack')
  t.comment(byPython.text)
  t.end()
})

t.test('each figure of each table, changed by one, is found', t => {
  writeFileSync(at('evidence-figures.py'), readFileSync('test/interop/evidence-figures.py'))
  cpSync(at('pack'), at('figures'), { recursive: true })
  const { stdout, stderr } = spawnSync(
    '/usr/bin/python3',
    [at('evidence-figures.py'), at('figures')],
    { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 }
  )
  if (stdout === '') throw new Error(stderr)
  const found = JSON.parse(stdout) as {
    missed: string[]
    tried: Record<string, number>
    empty: string[]
    numbers: number
    cells: number
  }
  t.strictSame(found.missed, [])
  t.strictSame(found.empty, [], 'every table has rows')
  t.comment(JSON.stringify(found.tried), `${found.numbers} on the page, ${found.cells} in tables/`)
  t.end()
})

const edit = (path: string, change: (text: string) => string) => (pack: string) => {
  const file = join(pack, path)
  const [before, after] = [readFileSync(file, 'utf8'), change(readFileSync(file, 'utf8'))]
  if (before === after) throw new Error(`${path}: nothing has changed`)
  writeFileSync(file, after)
}
const json = (path: string, change: (value: Pack) => void) =>
  edit(path, text => {
    const value = JSON.parse(text) as Pack
    change(value)
    return JSON.stringify(value)
  })
const row = (table: string, column: string, n: number) =>
  json('evidence.json', ({ tables }) => {
    const [first] = tables[table]!
    first![column] = Number(first![column]) + n
  })

/** Found by both. */
const UNSIGNED: Record<string, (pack: string) => void> = {
  'a lookup is blocked': edit('lookups.jsonl', text => text.replace('"forwarded"', '"blocked"')),
  'a figure on the page': edit('evidence.html', text => text.replace(/\d+ of \d/, '1 of 1')),
  'a file less': pack => rmSync(join(pack, 'rules.json')),
  'a file more': pack => writeFileSync(join(pack, 'tables/more.csv'), ''),
  'a link more': pack => symlinkSync('/dev/null', join(pack, 'more')),
  'a file replaced by a link': pack => {
    const file = join(pack, 'rules.json')
    cpSync(file, at('elsewhere.json'))
    rmSync(file)
    symlinkSync(at('elsewhere.json'), file)
  },
  'a link to a folder': pack => symlinkSync('/tmp', join(pack, 'folder')),
  'an empty folder': pack => mkdirSync(join(pack, 'empty')),
  'another manifest': edit('SHA256SUMS', text => text.split('\n').slice(1).join('\n'))
}
/** By who holds the key: found by counting again. */
const SIGNED: Record<string, (pack: string) => void> = {
  'a lookup is left out': edit('lookups.jsonl', text => text.slice(text.indexOf('\n') + 1)),
  'a lookup is blocked': edit('lookups.jsonl', text => text.replace('"forwarded"', '"blocked"')),
  'a lookup is of another network': edit('lookups.jsonl', text =>
    text.replace('"phones"', '"others"')
  ),
  'the share of blocked ones': json('evidence.json', ({ tiles }) => (tiles.blockedShare = 1)),
  'minutes not in force': json('evidence.json', ({ tiles }) => (tiles.minutesNotInForce = 0)),
  'an outcome': row('outcomes', 'lookups', 1),
  'a name': row('names', 'blocked', 1),
  'a day': row('days', 'lookups', -1),
  'an exception': row('exceptions', 'lookups', -1),
  'answered lookups of a window': row('not-in-force', 'answered', 1),
  'a line of the chain is left out': edit('log/chain.jsonl', text =>
    text.split('\n').toSpliced(3, 1).join('\n')
  )
}

function altered(name: string, change: (pack: string) => void): string {
  const pack = at(name)
  cpSync(at('pack'), pack, { recursive: true })
  change(pack)
  return pack
}

function signAgain(pack: string): void {
  const files = new Map<string, Uint8Array>()
  for (const path of readdirSync(pack, { recursive: true, encoding: 'utf8' }))
    if (statSync(join(pack, path)).isFile() && !path.startsWith('SHA256SUMS'))
      files.set(path, readFileSync(join(pack, path)))
  for (const [path, content] of signPack(files, parsePrivateKey(Buffer.from(privatePem)))) {
    mkdirSync(dirname(join(pack, path)), { recursive: true })
    writeFileSync(join(pack, path), content)
  }
}

t.test('packs with one change each', t => {
  const [unsigned, signed] = [Object.entries(UNSIGNED), Object.entries(SIGNED)]
  t.equal(unsigned.length + signed.length, 20)
  for (const [name, change] of unsigned) {
    const pack = altered('altered', change)
    for (const verify of [python, shell]) t.not(verify(pack).status, 0, name)
    rmSync(pack, { recursive: true })
  }
  for (const [name, change] of signed) {
    const pack = altered('forged', change)
    signAgain(pack)
    t.equal(shell(pack).status, 0, `${name}: signed`)
    const { status, text } = python(pack)
    t.equal(status, 1, `${name}: ${text.trim().split('\n').at(-1)}`)
    rmSync(pack, { recursive: true })
  }
  t.end()
})
