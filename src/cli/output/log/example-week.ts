import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { seeded } from '../../../base/values/seeded.js'
import type { QueryRecord } from '../../../lookups/event/schema.js'
import { APPS, NETWORKS, PLAIN, type Network, type Rule } from './example-traffic.js'

/** The first of seven days: a Thursday. */
const START = Date.UTC(2026, 10, 5)
const HOUR = 3_600_000
const DAY = 24 * HOUR
const DAYS = 7

/**
 * Writes a week of a gateway that logs all lookups, always the same: closed files by day, and the
 * active file, with a line that a crash truncated.
 *
 * @param scale of the number of lookups
 * @returns the path of the active file
 */
export function writeWeek(folder: string, scale = 1): string {
  mkdirSync(folder, { recursive: true })
  const random = seeded(42)
  const live = join(folder, 'queries.jsonl')
  for (let day = 0; day < DAYS; day++) {
    const lines = recordsOf(day, scale, random)
      .sort((a, b) => (a.time < b.time ? -1 : 1))
      .map(record => `${JSON.stringify(record)}\n`)
    const next = new Date(START + (day + 1) * DAY).toISOString().slice(0, 10).replaceAll('-', '')
    const isLast = day === DAYS - 1
    const path = isLast ? live : join(folder, `queries-${next}T000000.104Z.jsonl`)
    writeFileSync(path, lines.join('') + (isLast ? '{"v":1,"time":"2026-11-11T23:59:59' : ''))
  }
  return live
}

function recordsOf(day: number, scale: number, random: () => number): QueryRecord[] {
  const weekday = new Date(START + day * DAY).getUTCDay()
  const isWeekend = weekday === 0 || weekday === 6
  return NETWORKS.flatMap(net => {
    // On the last day somebody in the town hall pointed browsers at another resolver.
    const drop = net.id === 'town-hall' && day === DAYS - 1 ? 0.4 : 1
    const count = Math.round(
      scale * net.lookups * (isWeekend ? net.weekend : 1) * drop * (0.94 + 0.12 * random())
    )
    return Array.from({ length: count }, () => lookup(net, day, random)).flat()
  })
}

function lookup(net: Network, day: number, random: () => number): QueryRecord[] {
  const at = START + day * DAY + pick(net.hours, random) * HOUR + random() * HOUR
  const client = 1 + Math.floor(net.clients * random() ** 2)
  let dice = 1000 * random()
  for (const app of APPS) {
    dice -= app.share[net.id] ?? 0
    if (dice >= 0) continue
    const names = Object.keys(app.names)
    const name = names[pick(Object.values(app.names), random)]!
    const first = record(net, day, at, client, name, app.rule(net.id, client, name), random)
    return [first, ...newNames(net, day, at, client, first, random)]
  }
  const name = PLAIN[Math.floor(PLAIN.length * random() ** 3)]!
  return [record(net, day, at, client, name, undefined, random)]
}

/** On the last two days the app uses names that it did not use before. */
function newNames(
  net: Network,
  day: number,
  at: number,
  client: number,
  lookup: QueryRecord,
  random: () => number
): QueryRecord[] {
  if (lookup.ban !== 'federal-tiktok' || day < DAYS - 2 || random() > 0.06) return []
  const { verdict, app, ban, rule, source, ede } = lookup
  const hit = { verdict, app, ban, rule, source, ede } as Rule
  return [
    record(
      net,
      day,
      at + 300,
      client,
      'v77.tiktokcdn.com',
      { ...hit, match: 'qname', pattern: 'tiktokcdn.com' },
      random
    ),
    record(
      net,
      day,
      at + 600,
      client,
      'edge.video-cdn.example',
      { ...hit, match: 'cname', pattern: 'tiktokcdn.com' },
      random
    ),
    record(net, day, at + 900, client, 'sdk.new-host.example', undefined, random)
  ]
}

function record(
  net: Network,
  day: number,
  at: number,
  client: number,
  qname: string,
  rule: Rule | undefined,
  random: () => number
): QueryRecord {
  const isBlocked = rule?.verdict === 'blocked'
  const { verdict = random() < 0.8 ? 'cached' : 'forwarded', ede, ...rest } = rule ?? {}
  const isForwarded = !isBlocked && verdict !== 'cached'
  return {
    v: 1,
    time: new Date(Math.floor(Math.min(at, START + (day + 1) * DAY - 1))).toISOString(),
    // The rules were changed on Monday.
    generation: day < 4 ? 7 : 8,
    sha256: day < 4 ? '9f86d081884c' : '60303ae22b99',
    client: `${net.prefix}.${client}`,
    network: net.id,
    protocol: random() < 0.97 ? 'udp' : 'tcp',
    qname,
    qtype: ['A', 'AAAA', 'HTTPS'][pick([6, 4, 2], random)]!,
    rcode: isBlocked ? 'NXDOMAIN' : 'NOERROR',
    verdict,
    ...rest,
    ...(isForwarded ? { upstream: '192.0.2.53' } : {}),
    us: isForwarded ? Math.round(4000 + 20_000 * random() ** 4) : Math.round(3 + 9 * random()),
    ...(ede === undefined ? {} : { ede })
  }
}

/** The index of a random weight. */
function pick(weights: readonly number[], random: () => number): number {
  let left = random() * weights.reduce((sum, weight) => sum + weight, 0)
  return Math.max(
    0,
    weights.findIndex(weight => (left -= weight) < 0)
  )
}
