import { linkSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { centralPath, type CentralKind } from '../../src/lookups/central/central-layout.js'
import { digestFile } from '../../src/lookups/files/file-digest.js'
import { activeParquetOfDay, LogLayout, tallyFiles } from '../../src/lookups/files/log-layout.js'
import { parseTallyStem, tallyStemOf } from '../../src/lookups/sql/tally.js'
import { archive, Pen, ROTATE } from '../analysis/month.js'
import { writeRules } from '../analysis/rules.js'
import { interdict, timed } from '../analysis/timed.js'
import { DAY, startOfDay, Traffic } from '../analysis/traffic.js'
import { seconds, type Row } from './rollout.js'

/** Lookups that are generated: a day of one gateway with 20,000 clients. All gateways have the same, under their names. */
const OF_GATEWAY = 6_000_000

/** Fleet reports over so many lookups. The first answers from tallies, the second from Parquet. */
export async function fleetReports(lookups: number): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-fleet-logs-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  const { policy, names } = await writeRules(join(folder, 'rules'))
  const settings = join(folder, 'interdict.yaml')
  writeFileSync(settings, 'rules: rules\nupstreams: { use-resolv-conf: false }\n')
  const day = startOfDay(Date.now()) - 2 * DAY
  const traffic = new Traffic(policy, names)
  const pen = await Pen.open(policy, join(folder, 'log'), { rotate: ROTATE })
  const written = pen.write(traffic, day, day + DAY, OF_GATEWAY / traffic.weight(day, day + DAY))
  pen.turn()
  pen.close()
  await archive(pen.path, day + 2 * DAY)
  const fleet = join(folder, 'fleet')
  const gateways = Math.ceil(lookups / written)
  await linkFiles(
    new LogLayout(pen.path),
    new Date(day).toISOString().slice(0, 10),
    fleet,
    gateways
  )
  const rows: Row[] = []
  for (const [by, target] of [
    ['gateway', '3 s'],
    ['app', '3 s'],
    ['type', '60 s']
  ] as const) {
    const command = interdict('report', '--fleet', fleet, '--by', by, '--time-zone', 'UTC')
    const { time, peak } = await timed([...command, '-c', settings])
    rows.push([
      `report by ${by} on ${written * gateways} lookups of ${gateways} gateways`,
      target,
      `${seconds(time)}, ${Math.round(peak / 1e6)} MB`
    ])
  }
  return rows
}

/** The files of a day, once for each gateway. */
async function linkFiles(
  layout: LogLayout,
  day: string,
  fleet: string,
  gateways: number
): Promise<void> {
  for (const path of activeParquetOfDay(layout, day)) {
    const parquet = (await digestFile(path)).sha256
    const stem = tallyStemOf(day, path)
    const tally = tallyFiles(layout, day).find(name => parseTallyStem(name) === stem)!
    for (let i = 0; i < gateways; i++) {
      const gateway = `gateway-${i}`
      const linked = (from: string, kind: CentralKind): void =>
        linkSync(from, join(fleet, centralPath({ day, gateway, generation: 0, parquet, kind })))
      mkdirSync(join(fleet, `day=${day}/gateway=${gateway}`), { recursive: true })
      linked(path, 'parquet')
      linked(join(layout.folder, tally), 'tally')
    }
  }
}
