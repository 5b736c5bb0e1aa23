import { spawn } from 'node:child_process'
import { appendFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { eventually, Site } from '../daemon/site.js'
import { CLIP, interdict, NETWORKS, PROGRAM } from './run.js'

/** The lookups that docs/reference/query-log.md shows. */
const LINES = [
  ...readFileSync('docs/reference/query-log.md', 'utf8').matchAll(/^\{"v":1,.*\}$/gm)
].map(([line]) => line)
const ODD = JSON.stringify({ ...JSON.parse(LINES[0]!), client: '\u001b[2Jx', network: '\u202ey' })

function open(t: Test, text = `${LINES.join('\n')}\n`) {
  const site = new Site(t, {
    'interdict.yaml': 'log: { queries: { file: queries.jsonl } }\n',
    'queries.jsonl': text
  })
  const words = ['-c', site.path('interdict.yaml')]
  const last = (...more: string[]) => interdict('tail', '--no-follow', ...words, ...more)
  return { site, words, last }
}

const names = (json: string): string[] =>
  json
    .trim()
    .split('\n')
    .filter(line => line !== '')
    .map(line => (JSON.parse(line) as { qname: string }).qname)

t.test('shows blocked and monitored lookups with the reason, one line each', async t => {
  const { code, out, err } = await open(t).last()
  t.strictSame([code, err], [0, ''])
  t.strictSame(out.split('\n'), [
    '2023-03-13 (UTC)',
    '09:26:53 blocked   10.20.3.4       www.tiktok.com AAAA NXDOMAIN  federal-phones, ban federal-phones/tiktok, app tiktok, networks.yaml:14, tiktok.com (apps/tiktok.yaml:9)',
    '09:26:53 blocked   2001:db8:20::7  shop.example A NXDOMAIN  federal-phones, block federal-phones/malware, list malware, networks.yaml:30, cname *.tracker.example (lists/malware.txt:120)',
    '09:26:53 blocked   10.20.3.4       v16.tiktok.com HTTPS no reply  federal-phones, ban federal-phones/tiktok, app tiktok, networks.yaml:14, tiktok.com (apps/tiktok.yaml:9)',
    '09:26:53 blocked   phones/17       www.tiktok.com A NXDOMAIN  guests, ban federal-phones/tiktok, app tiktok, networks.yaml:14, tiktok.com (apps/tiktok.yaml:9)',
    '09:26:53 monitored 10.20.3.4       www.tiktok.com A NOERROR  federal-phones, ban federal-phones/tiktok, app tiktok, networks.yaml:14, tiktok.com (apps/tiktok.yaml:9)',
    ''
  ])
})

t.test('times are in the time zone of the rules, or of --time-zone', async t => {
  const { site, last } = open(t)
  site.write('rules/networks.yaml', 'defaults: { time-zone: America/New_York }\n')
  t.match((await last()).out, /^2023-03-13 \(America\/New_York\)\n05:26:53 /)
  t.match((await last('--time-zone', 'Asia/Tokyo')).out, /\(Asia\/Tokyo\)\n18:26:53 /)
  t.match(await last('--time-zone', 'Mars'), { code: 2, err: /Mars is not a time zone/ })
  site.write('interdict.yaml', 'oops: 1\n')
  const log = site.path('queries.jsonl')
  t.match((await last(log)).out, /\(UTC\)/, 'broken settings do not hide a log that is given')
})

t.test('--json prints the lines unchanged', async t => {
  const { out } = await open(t).last('--json', '--verdict', 'all', '-n', '3')
  t.strictSame(out.trim().split('\n'), LINES.slice(-3))
})

for (const [words, wanted] of [
  [
    ['--verdict', 'allowed', 'stale'],
    ['www.tiktok.com', 'www.example']
  ],
  [
    ['--app', 'tiktok'],
    ['www.tiktok.com', 'v16.tiktok.com', 'www.tiktok.com', 'www.tiktok.com']
  ],
  [['--app', 'tiktok', '--name', '=v16.tiktok.com'], ['v16.tiktok.com']],
  [['--ban', 'federal-phones/tiktok', '-n', '1'], ['www.tiktok.com']],
  [
    ['--name', '*.tiktok.com', 'shop.example', '-n', '4'],
    ['shop.example', 'v16.tiktok.com', 'www.tiktok.com', 'www.tiktok.com']
  ],
  [['--name', 'ktok.com'], []],
  [['--client', '2001:db8::/32'], ['shop.example']],
  [['--client', '203.0.113.9', '--verdict', 'all'], ['.']],
  [['--client', '10.20.7.0/30', '--verdict', 'all'], ['www.tiktok.com']],
  [['--client', 'a-pseudonym'], []],
  [['--network', 'guests'], ['www.tiktok.com']],
  [['-n', '0'], []]
] as const) {
  t.test(words.join(' '), async t => {
    const { out } = await open(t).last('--json', ...words)
    t.strictSame(names(out), wanted)
  })
}

t.test('escapes control characters from the log', async t => {
  const { last } = open(t, `${ODD}\n\u001b[2J\n`)
  const forPeople = await last()
  t.match(forPeople.out, '\\u{1b}[2Jx')
  t.match(forPeople.out, '\\u{202e}y')
  const forPrograms = await last('--json')
  t.strictSame(JSON.parse(forPrograms.out), JSON.parse(ODD))
  t.notMatch(forPeople.out + forPrograms.out, /[\u001b\u202e]/)
})

t.test('a folder stands for the current log in it', async t => {
  const { site } = open(t)
  const { code, out } = await interdict('tail', '--no-follow', '--json', site.path(''))
  t.equal(code, 0)
  t.equal(names(out).length, 5)
  const empty = await interdict('tail', '--no-follow', join(PROGRAM, '..'))
  t.equal(empty.code, 1)
  t.match(empty.err, /queries\.jsonl: no such file \(LOG_FOLLOW\)\n$/)
})

t.test('warns of ids that the rules do not contain', async t => {
  const { site, last } = open(t)
  t.equal((await last('--ban', 'none')).err, '', 'there are no rules')
  site.write('rules/networks.yaml', NETWORKS)
  site.write('rules/apps/clip.yaml', CLIP)
  const { code, err } = await last('--ban', 'federal', '--app', 'clap', '--network', 'x')
  t.strictSame(
    [code, err],
    [0, "the rules have no app clap; did you mean 'clip'?\nthe rules have no network x\n"]
  )
})

t.test('--no-follow without a file is an error', async t => {
  const { site } = open(t)
  const { code, err } = await interdict('tail', '--no-follow', site.path('none.jsonl'))
  t.equal(code, 1)
  t.match(err, /none\.jsonl: no such file \(LOG_FOLLOW\)\n$/)
})

function follow(t: Test, shell: string, words: readonly string[]) {
  const command = `env -u NODE_OPTIONS '${process.execPath}' '${PROGRAM}' tail ${words.map(word => `'${word}'`).join(' ')}`
  const child = spawn('sh', ['-c', shell.replace('TAIL', command)])
  t.teardown(() => child.kill('SIGKILL'))
  const said = { out: '', err: '' }
  child.stdout.on('data', (piece: Buffer) => (said.out += piece.toString()))
  child.stderr.on('data', (piece: Buffer) => (said.err += piece.toString()))
  const ended = new Promise<number | null>(resolve => child.on('close', resolve))
  return { child, said, ended }
}

t.test('follows the log across rotation, until it is interrupted', async t => {
  const { site, words } = open(t, '')
  const path = site.path('queries.jsonl')
  const { child, said, ended } = follow(t, 'exec TAIL', [...words, '--json'])
  const one = async (line: string, count: number): Promise<void> => {
    appendFileSync(path, `${line}\n`)
    await eventually(`${count} lines`, () => said.out.split('\n').length === count + 1)
  }
  await one(LINES[0]!, 1)
  renameSync(path, site.path('queries-20230313T000000.000Z.jsonl'))
  await one(LINES[1]!, 2)
  writeFileSync(path, '')
  await one(LINES[2]!, 3)
  appendFileSync(path, 'no record\n')
  await eventually('it says so', () => said.err !== '')
  child.kill('SIGINT')
  t.equal(await ended, 0)
  t.strictSame(said.out.trim().split('\n'), LINES.slice(0, 3))
  t.equal(said.err, 'skipped 1 line: not a lookup\n')
})

t.test('waits for a file that does not exist yet', async t => {
  const { site } = open(t)
  const path = site.path('later.jsonl')
  const { child, said, ended } = follow(t, 'exec TAIL', [path])
  await eventually('it waits', () => said.err !== '')
  t.match(said.err, /^waiting for .*later\.jsonl to be created\n$/)
  writeFileSync(path, `${LINES[0]!}\n`)
  await eventually('a line', () => said.out.includes('www.tiktok.com'))
  child.kill('SIGTERM')
  t.equal(await ended, 0)
})

t.test('ends quietly when its reader ends', async t => {
  const { site, words } = open(t)
  const { said, ended } = follow(t, 'TAIL | head -n 1', words)
  await eventually('a line', () => said.out !== '')
  const more = setInterval(() => appendFileSync(site.path('queries.jsonl'), `${LINES[0]!}\n`), 100)
  t.teardown(() => clearInterval(more))
  t.equal(await ended, 0)
  t.strictSame(said, { out: '2023-03-13 (UTC)\n', err: '' })
})
