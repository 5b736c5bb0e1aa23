import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import {
  filesBelow,
  LoggingGateway,
  minuteOf,
  temporaryFolder,
  writeKeys
} from '../fleet/ship-rig.js'
import { generateKeys } from '../../src/base/ed25519.js'
import { interdict, SETTINGS, writeSite } from './run.js'

const DAY = '2026-11-10'
const RULES = `networks:
  phones:
    prefixes: [10.20.0.0/16]
    bans: [{ id: be-clip, names: [clip.example], authority: Council, reference: R7 }]
`

t.test('report, query and verify-log work on the logs of a fleet', async t => {
  const fleet = temporaryFolder(t)
  const gateways = ['brussels', 'liege'].map(name => new LoggingGateway(t, name))
  for (const [i, gateway] of gateways.entries()) {
    gateway.close('20261110T110000.000Z', ...minuteOf(DAY, 1, 2 + i))
    await gateway.maintain(`${DAY}T12:00:00Z`)
    await gateway.shipTo(fleet)
  }
  writeKeys(fleet, gateways)
  const report = async (...words: string[]) =>
    interdict('report', '--fleet', fleet, '--time-zone', 'UTC', '--format', 'csv', ...words)
  t.match((await report('--by', 'gateway')).out, /liege,3,.*\r\nbrussels,2,/)
  t.match((await report('--by', 'client')).out, /liege\/10\.20\.3\.4,3/)
  t.match(
    (await report('--by', 'client', '--client', '10.20.3.4')).out,
    /brussels\/10\.20\.3\.4,2,/
  )
  t.notMatch((await report('--by', 'app', '--gateway', 'liege')).out, /,5,/)
  const query = await interdict(
    ...['query', '--fleet', fleet, '--format', 'csv'],
    'SELECT gateway, day, client, count(*) AS n FROM lookups GROUP BY ALL ORDER BY n'
  )
  t.match(query.out, /brussels,2026-11-10.*,10\.20\.3\.4,2\r?\nliege,.*,10\.20\.3\.4,3/, query.err)
  const verify = await interdict('verify-log', '--fleet', fleet)
  t.match(verify, { code: 0, out: /brussels: unaltered: 2 files.*\n+liege: unaltered/ })
  const json = await interdict('verify-log', '--fleet', fleet, '--json')
  t.match(JSON.parse(json.out), { gateways: [{ gateway: 'brussels', proven: true, gaps: [] }, {}] })

  const key = generateKeys().privatePem
  const settings = writeSite(t, { 'interdict.yaml': SETTINGS, 'rules/networks.yaml': RULES, key })
  const pack = join(dirname(settings), 'pack')
  const period = ['--since', '2026-11-09', '--until', '2026-11-11', '--time-zone', 'UTC']
  const evidence = await interdict(
    ...['evidence', 'be-clip', '--fleet', fleet, '-c', settings, ...period],
    ...['-k', join(dirname(settings), 'key'), '-o', pack]
  )
  t.strictSame([evidence.code, evidence.err], [0, ''])
  const tableOf = (id: string): string => readFileSync(join(pack, `tables/${id}.csv`), 'utf8')
  t.match(tableOf('gateways'), 'brussels,unaltered,2,0,0\r\nliege,unaltered,2,0,0')
  t.match(tableOf('silent-days'), 'gateway,day\r\nbrussels,2026-11-09\r\nliege,2026-11-09\r\n')
  t.match(tableOf('rule-changes'), /^gateway,time,/)
  t.match(readFileSync(join(pack, 'evidence.html'), 'utf8'), '2 of 2 gateways unaltered')

  // Lookups of one have not arrived; the other has a file too many, and no key.
  const [parquet] = filesBelow(fleet).filter(file => /brussels.*parquet$/.test(file))
  rmSync(join(fleet, parquet!))
  writeFileSync(join(fleet, parquet!.replace('brussels', 'liege')), 'x')
  rmSync(join(fleet, 'keys/liege.pub'))
  const spoilt = await report('--by', 'gateway')
  t.match(spoilt, { code: 1, err: /gateway=liege/ }, 'the file is named')
  const bad = await interdict('verify-log', '--fleet', fleet)
  t.match(bad, { code: 1, out: /brussels: unaltered[^]*not here yet: 1 file/ })
  t.match(bad.out, /liege: NOT PROVEN[^]*no public key/)
  rmSync(join(fleet, parquet!.replace('brussels', 'liege')))
  t.match((await report('--by', 'gateway')).out, /brussels,2,/, 'from tallies')
  const text = await interdict('report', '--fleet', fleet, '--time-zone', 'UTC')
  t.match(text.out, /brussels.*have not all arrived/)
})

t.test('what cannot be asked of a fleet is a usage error', async t => {
  const fleet = temporaryFolder(t)
  const code = async (...words: string[]) => (await interdict(...words)).code
  t.equal(await code('report', '--by', 'gateway'), 2)
  t.equal(await code('report', '--gateway', 'one'), 2)
  t.equal(await code('report', '--fleet', fleet, '--log', fleet, '--time-zone', 'UTC'), 2)
  t.equal(await code('verify-log', '--fleet', fleet, '--keys', join(fleet, 'absent')), 2)
  writeFileSync(join(fleet, 'one.pub'), 'no key\n')
  t.equal(await code('verify-log', '--fleet', fleet, '--keys', fleet), 2)
  rmSync(join(fleet, 'one.pub'))
  const none = await interdict('verify-log', '--fleet', fleet, '--keys', fleet)
  t.match(none, { code: 1, err: /FLEET_FOLDER/ })
  const absent = await interdict('report', '--fleet', join(fleet, 'absent'), '--time-zone', 'UTC')
  t.match(absent, { code: 1, err: /FLEET_FOLDER/ })
})
