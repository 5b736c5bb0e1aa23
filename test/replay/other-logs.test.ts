import { readFileSync, utimesSync } from 'node:fs'
import t from 'tap'
import { isCapture } from '../../src/analysis/replay/formats/formats.js'
import { IS_FUZZING } from '../runs.js'
import { FIXTURES, logOf, replayed, RULES } from './kit.js'

const TIKTOK = [
  'blocked 127.0.0.1 v16.tiktok.com A: answered -> nxdomain by ban clip',
  'blocked 127.0.0.1 tiktok.com HTTPS: answered -> nxdomain by ban clip',
  'blocked 127.0.3.4 www.tiktok.com A: answered -> nxdomain by ban clip'
]
const TRACKER =
  'blocked 127.0.0.1 pixel.tracker.example A: answered -> nxdomain by block phones/block/tracker.example'

/** Written by the programs themselves: the same queries by dig, in each of these forms. */
const FILES = [
  {
    file: 'dnsdist.log',
    format: 'dnsdist',
    lookups: 9,
    unreadable: 0,
    changes: TIKTOK.concat(TRACKER)
  },
  {
    file: 'dnsdist-notime.log',
    format: 'dnsdist',
    lookups: 9,
    unreadable: 0,
    changes: TIKTOK.concat(TRACKER)
  },
  {
    file: 'dnsdist.dnstap',
    format: 'dnstap',
    lookups: 9,
    unreadable: 0,
    changes: TIKTOK.concat(TRACKER)
  },
  // Queries and responses: each lookup is counted once.
  { file: 'unbound.dnstap', format: 'dnstap', lookups: 9, unreadable: 0, changes: TIKTOK },
  // It says that it blocked them already; a name with a dot in a label it writes in another way.
  { file: 'unbound.log', format: 'unbound', lookups: 9, unreadable: 0, changes: [] },
  { file: 'dnsmasq.log', format: 'dnsmasq', lookups: 8, unreadable: 1, changes: [] },
  // tshark writes a space in a label as a space.
  { file: 'tshark.tsv', format: 'tshark-fields', lookups: 8, unreadable: 1, changes: TIKTOK },
  { file: 'tshark.json', format: 'tshark-json', lookups: 8, unreadable: 1, changes: TIKTOK },
  { file: 'tshark-full.json', format: 'tshark-json', lookups: 2, unreadable: 0, changes: [] }
] as const

for (const { file, format, lookups, unreadable, changes } of FILES) {
  t.test(`reads ${file}, recognised as ${format}`, async t => {
    const replay = await replayed(t, `${FIXTURES}/${file}`)
    t.match(replay.read, { format, lookups, unreadable })
    t.strictSame([...replay.changes].sort(), [...changes].sort())
  })
}

t.test('a capture itself is no log: tshark writes one of it', async t => {
  await t.rejects(replayed(t, `${FIXTURES}/example.pcap`), {
    code: 'REPLAY_CAPTURE',
    message: /example\.pcap -Y 'dns\.flags\.response == 0' -T json$/
  })
  for (const head of ['a1b2c3d4', '4d3cb2a1', '0a0d0d0a']) t.ok(isCapture(Buffer.from(head, 'hex')))
  t.notOk(isCapture(Buffer.from('a1')))
})

t.test('what another program blocked is newly allowed where no rule blocks it', async t => {
  const rules = RULES.replace(', tiktok.com]', ']').replace('[tracker.example]', '[other.example]')
  const unbound = await replayed(t, `${FIXTURES}/unbound.log`, { rules })
  t.equal(unbound.changes.length, 3)
  t.match(unbound.changes[0], /blocked by local-zone tiktok\.com always_nxdomain -> forwarded/)
  const dnsmasq = await replayed(t, `${FIXTURES}/dnsmasq.log`, { rules })
  t.equal(dnsmasq.changes.length, 4)
  t.match(dnsmasq.changes[0], /blocked by config -> forwarded/)
})

t.test('clients in no network of the rules are counted: the log is of no gateway', async t => {
  const rules = RULES.replace("127.0.0.0/8, '::1'", '192.0.2.0/24')
  const { comparison } = await replayed(t, `${FIXTURES}/dnsdist.log`, { rules })
  t.match(comparison.counts, { lookups: 9, changed: 0, strangers: 9 })
})

t.test('lookups without a time are taken for lookups of now, and counted', async t => {
  const { comparison } = await replayed(t, `${FIXTURES}/dnsdist-notime.log`)
  t.equal(comparison.counts.undated, 9)
})

/** As Pi-hole 6 writes it, and dnsmasq with `log-queries=extra`. */
const PIHOLE = `May  1 10:00:00 dnsmasq[412]: query[A] clip.example from 10.20.1.1
May  1 10:00:00 dnsmasq[412]: forwarded clip.example to 192.0.2.53
May  1 10:00:00 dnsmasq[412]: reply clip.example is 192.0.2.80
May  1 10:00:01 dnsmasq[412]: query[AAAA] ads.example from 10.20.1.2
May  1 10:00:01 dnsmasq[412]: gravity blocked ads.example is ::
May  1 10:00:02 dnsmasq[412]: 17 10.20.1.3/41234 query[type=65280] www.example from 10.20.1.3
May  1 10:00:02 dnsmasq[412]: 17 10.20.1.3/41234 cached www.example is 192.0.2.81
Mar  9 23:00:00 dnsmasq[412]: query[A] clip.example from 10.20.1.9
May  1 10:00:03 dnsmasq[412]: query[HTTPS] bad.example from 10.20.1.2
May  1 10:00:03 dnsmasq[412]: regex denied bad.example is 0.0.0.0
`

t.test("reads Pi-hole's log; the year is that in which the file was written", async t => {
  const file = logOf(t, PIHOLE)
  utimesSync(file, 1_683_000_000, 1_683_000_000)
  const { read, changes } = await replayed(t, file)
  t.match(read, { format: 'dnsmasq', lookups: 5, unreadable: 0 })
  t.strictSame(changes, [
    'blocked 10.20.1.1 clip.example A: answered -> nxdomain by ban clip',
    'allowed 10.20.1.2 ads.example AAAA: blocked by gravity -> forwarded',
    'allowed 10.20.1.2 bad.example HTTPS: blocked by regex -> forwarded'
  ])
})

/** As AdGuard Home 0.107 writes it. */
const ADGUARD = `{"T":"2023-05-01T10:00:00.123456789+02:00","QH":"clip.example","QT":"A","QC":"IN","CP":"","Upstream":"192.0.2.53:53","Answer":"","IP":"10.20.1.1","Result":{},"Elapsed":123456}
{"T":"2023-05-01T10:00:01Z","QH":"ads.example","QT":"A","QC":"IN","CP":"","Answer":"","IP":"10.20.1.1","Result":{"Rules":[{"Text":"||ads.example^","FilterListID":1}],"Reason":3,"IsFiltered":true},"Elapsed":5}
{"T":"2023-05-01T10:00:02Z","QH":"torn
`

t.test("reads AdGuard Home's log", async t => {
  const { read, changes } = await replayed(t, logOf(t, ADGUARD))
  t.match(read, { format: 'adguard', lookups: 2, unreadable: 1, firstUnreadable: [{ line: 3 }] })
  t.strictSame(changes, [
    'blocked 10.20.1.1 clip.example A: answered -> nxdomain by ban clip',
    'allowed 10.20.1.1 ads.example A: blocked by rule ||ads.example^ -> forwarded'
  ])
})

t.test("reads Unbound's log from syslog, with replies and other times", async t => {
  const text = `May  1 10:00:00 host unbound[12]: [12:0] info: 10.20.1.1 clip.example. A IN NOERROR 0.000000 0 44
2023-05-01T10:00:01+02:00 host unbound[12]: [12:0] info: reply: 10.20.1.2 clip.example. A IN NOERROR 0.010000 0 44
`
  const file = logOf(t, text)
  utimesSync(file, 1_683_000_000, 1_683_000_000)
  const { read, comparison } = await replayed(t, file)
  t.match(read, { format: 'unbound', lookups: 2, unreadable: 0 })
  t.match(comparison.counts, { changed: 2, undated: 0 })
})

t.test('a dnstap file that is cut short gives what is whole', async t => {
  const whole = readFileSync(`${FIXTURES}/dnsdist.dnstap`)
  const { read } = await replayed(t, logOf(t, whole.subarray(0, whole.length >> 1)))
  t.ok(read.lookups > 1 && read.lookups < 9)
  t.equal(read.unreadable, 1)
})

/** Each with ten octets changed, always the same; more by `npm run fuzz`. */
const ROUNDS = IS_FUZZING ? 500 : 25

t.test('no octets make a reader fail but by its code', async t => {
  const whole = readFileSync(`${FIXTURES}/dnsdist.dnstap`)
  let seed = 1
  for (let round = 0; round < ROUNDS; round++) {
    const broken = Buffer.from(whole)
    for (let i = 0; i < 10; i++) {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
      broken[seed % broken.length] = seed >>> 24
    }
    const found = await replayed(t, logOf(t, broken), { format: 'dnstap' }).catch((e: unknown) => e)
    if (found instanceof Error) t.match(found, { code: 'REPLAY_FOREIGN' })
  }
  t.pass(`${ROUNDS} broken files`)
})
