import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import {
  filesBelow,
  LoggingGateway,
  minuteOf,
  temporaryFolder,
  writeKeys
} from '../fleet/ship-rig.js'
import { generateKeys } from '../../src/base/files/ed25519.js'
import { openDatabase } from '../../src/lookups/archive/database.js'
import { interdict, SETTINGS, writeSite } from './run.js'

const DAY = '2026-11-10'
const RULES = `networks:
  phones:
    prefixes: [10.20.0.0/16]
    bans: [{ id: be-clip, names: [clip.example], authority: Council, reference: R7 }]
`

t.test('reports of a fleet find devices by the names that gateways give them', async t => {
  const fleet = temporaryFolder(t)
  const gateway = new LoggingGateway(t, 'liege')
  const own = minuteOf(DAY, 2, 2, { device: 'phones/anna' })
  gateway.close('20261110T110000.000Z', ...minuteOf(DAY, 1, 3), ...own)
  await gateway.maintain(`${DAY}T12:00:00Z`)
  await gateway.shipTo(fleet)
  const report = async (...words: string[]) => {
    const options = ['--time-zone', 'UTC', '--format', 'csv', '--by', 'client', ...words]
    return (await interdict('report', '--fleet', fleet, ...options)).out.split('\r\n').slice(1)
  }
  for (const words of [
    ['--device', 'phones'],
    ['--device', 'phones/anna'],
    ['--client', 'phones/anna']
  ])
    t.match(await report(...words), [/^liege\/phones\/anna,2,/, ''], words.join(' '))
  t.strictSame(await report('--device', 'liege'), [''], 'the name of the gateway is no group')
  t.match(await report(), [/^liege\/10\.20\.3\.4,3,/, /^liege\/phones\/anna,2,/, ''])
})

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
  const within = (await report('--by', 'client', '--client', '10.20.0.0/16')).out
  t.match(within, /brussels\/10\.20\.3\.4,2,/)
  t.match(within, /liege\/10\.20\.3\.4,3/)
  t.notMatch((await report('--by', 'client', '--client', '10.21.0.0/16')).out, /10\.20/)
  t.notMatch((await report('--by', 'app', '--gateway', 'liege')).out, /,5,/)
  const query = await interdict(
    ...['query', '--fleet', fleet, '--format', 'csv'],
    'SELECT gateway, day, client, count(*) AS n FROM lookups GROUP BY ALL ORDER BY n'
  )
  t.match(query.out, /brussels,2026-11-10.*,10\.20\.3\.4,2\r?\nliege,.*,10\.20\.3\.4,3/, query.err)
  const verify = await interdict('verify-log', '--fleet', fleet)
  t.match(verify, {
    code: 0,
    out: /brussels: unaltered: 2 files.*\n {2}witness: none.*\nliege: unaltered/
  })
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
  t.match(tableOf('gateways'), /brussels,unaltered,2,0,0,,,1,.*\r\nliege,unaltered,2,0,0,,,1,/)
  t.match(
    tableOf('silent-times'),
    /^gateway,from,until\r\nbrussels,2026-11-09T00:00:00\.000Z,2026-11-10T.*\r\nliege,2026-11-09T/
  )
  t.match(tableOf('rule-changes'), /^gateway,time,/)
  t.match(readFileSync(join(pack, 'evidence.html'), 'utf8'), '2 of 2 gateways unaltered')

  // Lookups of one have not arrived; the other has files too many, and no key.
  const pathOf = (pattern: RegExp): string =>
    join(
      fleet,
      filesBelow(fleet).find(file => pattern.test(file))!
    )
  const parquet = pathOf(/brussels.*parquet$/)
  const whole = readFileSync(parquet)
  rmSync(parquet)
  const foreign = Array.from({ length: 11 }, (_, i) =>
    parquet.replace('brussels', 'liege').replace(/0-../, `0-${10 + i}`)
  )
  for (const path of foreign) writeFileSync(path, 'x')
  rmSync(join(fleet, 'keys/liege.pub'))
  const bad = await interdict('verify-log', '--fleet', fleet)
  t.match(bad, { code: 1, out: /brussels: unaltered[^]*not here yet: 1 file/ })
  t.match(bad.out, /liege: NOT PROVEN[^]*no public key/)
  const spoilt = await report('--by', 'gateway')
  t.match(spoilt, { code: 0, out: /liege,3,.*\r\nbrussels,2,/ })
  const text = await interdict('report', '--fleet', fleet, '--time-zone', 'UTC')
  t.match(text.out, /brussels.*have not all arrived/)
  t.match(text.out, /gateway liege, left out: day=.*gateway=liege.*\(FLEET_FILE\)/)
  t.match(text.out, /1 more log file cannot be read/)
  for (const path of foreign) rmSync(path)

  // Cut, without metadata, and with damaged content.
  const lookups = 'SELECT count(*) AS n, max(client) FROM lookups'
  const footer = whole.length - 8 - whole.readUInt32LE(whole.length - 8)
  const damaged = Buffer.from(whole).fill(0xaa, 4, footer)
  for (const content of [whole.subarray(0, -9), Buffer.from('PAR1 and PAR1'), damaged]) {
    writeFileSync(parquet, content)
    const { code, out, err } = await interdict('query', '--fleet', fleet, '--json', lookups)
    t.match({ code, out, err }, { code: 0, out: /"n":3,/, err: 'FLEET_FILE' })
    t.match((await report('--by', 'type')).out, /,3,/)
    t.match((await report('--by', 'gateway')).out, /brussels,2,/, 'from tallies')
  }
  const altered = await interdict('verify-log', '--fleet', fleet)
  t.match(altered.out, /brussels: NOT PROVEN[^]*parquet: the content was changed/)

  writeFileSync(parquet, whole)
  const tally = pathOf(/brussels.*tally$/)
  writeFileSync(tally, 'PAR1 and PAR1')
  t.match((await report('--by', 'gateway')).out, /brussels,2,/, 'from lookups')
  const counted = await interdict('report', '--fleet', fleet, '--time-zone', 'UTC')
  t.match(counted, { code: 0, out: /brussels.*tally: cut or damaged \(FLEET_FILE\)/ })
  const tallied = await interdict('verify-log', '--fleet', fleet)
  t.match(tallied.out, /brussels: NOT PROVEN[^]*tally: the content was changed/)
  const typo = await interdict('query', '--fleet', fleet, 'SELECT nothing FROM lookups')
  t.match(typo, { code: 1, err: /ARCHIVE_SQL/ })
})

t.test('a report or query opens only the days and the gateway that it is about', async t => {
  const fleet = temporaryFolder(t)
  const gateways = ['brussels', 'liege'].map(name => new LoggingGateway(t, name))
  for (const gateway of gateways) {
    for (const [i, day] of [DAY, '2026-11-11', '2026-11-12'].entries())
      gateway.close(`202611${10 + i}T110000.000Z`, ...minuteOf(day, 1, 2 + i))
    await gateway.maintain('2026-11-12T12:00:00Z')
    await gateway.shipTo(fleet)
  }
  const files = filesBelow(fleet)
  // Whatever opens one of them, fails.
  for (const path of files.filter(path =>
    /^day=(?!2026-11-1(?:1.*brussels|2.*liege))/.test(path)
  )) {
    writeFileSync(join(fleet, path), 'damaged')
  }
  const options = ['--fleet', fleet, '--time-zone', 'UTC', '--gateway', 'brussels']
  const day = ['--since', '2026-11-11', '--until', '2026-11-12']
  const report = (...words: string[]) => interdict('report', ...words, ...options)
  for (const by of ['gateway', 'app', 'client', 'name', 'type', 'hour']) {
    const { code, out, err } = await report('--by', by, ...day)
    t.match({ code, err }, { code: 0, err: '' }, by)
    t.match(out, /\b3\b/, by)
    t.notMatch(out, /FLEET_FILE/, by)
  }
  const bypass = await report('bypass', ...day)
  t.match(bypass, { code: 0, err: '' })
  t.notMatch(bypass.out, /FLEET_FILE/)
  const lookups = 'SELECT qname FROM lookups WHERE'
  for (const words of [
    ['--json', `${lookups} day = '2026-11-11' AND gateway = 'brussels'`],
    ['--json', '--where', "day = '2026-11-11' AND gateway = 'brussels'"]
  ]) {
    const { code, out, err } = await interdict('query', '--fleet', fleet, ...words)
    t.match({ code, err }, { code: 0, err: '' })
    t.equal((JSON.parse(out) as object[]).length, 3)
  }
  const before = await report('daily', '--until', '2026-11-12')
  t.match(before.out, /2026-11-10.*\(FLEET_FILE\)/, 'what a day is compared with')
  t.match((await report('--by', 'type')).out, /2026-11-12.*\(FLEET_FILE\)/, 'without a period')
})

t.test('files with columns of another type are left out, and named with the column', async t => {
  const fleet = temporaryFolder(t)
  const gateways = ['brussels', 'liege'].map(name => new LoggingGateway(t, name))
  for (const [i, gateway] of gateways.entries()) {
    gateway.close('20261110T110000.000Z', ...minuteOf(DAY, 1, 2 + i))
    await gateway.maintain(`${DAY}T12:00:00Z`)
    await gateway.shipTo(fleet)
  }
  const pathOf = (pattern: RegExp): string =>
    join(
      fleet,
      filesBelow(fleet).find(file => pattern.test(file))!
    )
  const database = await openDatabase({ memory: 2 ** 27, threads: 1 })
  t.teardown(() => database.close())
  /** Replaces a file by one with other columns. */
  const retype = async (path: string, columns: string): Promise<void> => {
    const whole = `${path}.whole`
    renameSync(path, whole)
    await database.run(
      `COPY (SELECT * ${columns} FROM read_parquet('${whole}', hive_partitioning = false)) TO '${path}' (FORMAT parquet)`
    )
    rmSync(whole)
  }
  const report = (...words: string[]) =>
    interdict('report', '--fleet', fleet, '--time-zone', 'UTC', ...words)
  await retype(pathOf(/brussels.*tally$/), "REPLACE ('many' AS n)")
  const counted = await report('--by', 'gateway')
  t.match(counted, { code: 0, err: '' })
  t.match(counted.out, /liege +3 .*\n.*brussels +2 /, 'from lookups')
  t.match(counted.out, /brussels.*tally: column n has the type VARCHAR, not BIGINT \(FLEET_FILE\)/)
  // Files of an earlier version lack columns.
  await retype(pathOf(/brussels.*parquet$/), 'EXCLUDE (device)')
  const all = await interdict('query', '--fleet', fleet, '--json', 'SELECT device FROM lookups')
  t.match(all, { code: 0, err: '' })
  t.equal((JSON.parse(all.out) as object[]).length, 5)
  await retype(pathOf(/brussels.*parquet$/), "REPLACE ('noon' AS time, [qtype] AS qtype)")
  for (const by of ['gateway', 'type']) {
    const { code, out } = await report('--by', by)
    t.match(
      { code, out },
      { code: 0, out: /parquet: column \w+ has the type VARCHAR.*\(FLEET_FILE\)/ }
    )
    t.match(out, /\b3\b/)
    t.notMatch(out, /\b5\b/)
  }
  const lookups = 'SELECT count(DISTINCT time) AS n FROM lookups'
  const query = await interdict('query', '--fleet', fleet, '--json', lookups)
  t.match(query, { code: 0, out: /"n":3/, err: /column \w+ has the type VARCHAR/ })
  await retype(pathOf(/liege.*parquet$/), 'EXCLUDE (device)')
  t.match(await interdict('query', '--fleet', fleet, '--json', lookups), { out: /"n":3/ })
  const own = await interdict('query', '--fleet', fleet, 'SELECT qname::INT FROM lookups')
  t.match(own, { code: 1, err: /Conversion Error[^]*\(ARCHIVE_SQL\)/ }, 'an error of the question')
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
