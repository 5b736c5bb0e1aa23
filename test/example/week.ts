import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { seeded } from '../../bench/kit/random.js'
import { maintainArchive } from '../../src/lookups/archive/maintain.js'
import type { QueryRecord } from '../../src/lookups/event/schema.js'

/** The first of seven days: a Thursday. */
const START = Date.UTC(2026, 10, 5)
const HOUR = 3_600_000
const DAY = 24 * HOUR
const DAYS = 7

/** Relative lookups in each hour (UTC), for offices and for phones. */
const OFFICE = [1, 1, 1, 1, 1, 2, 8, 30, 60, 70, 66, 50, 58, 66, 60, 52, 30, 12, 6, 4, 3, 2, 2, 1]
const PHONES = [
  4, 2, 1, 1, 1, 4, 20, 40, 42, 40, 42, 56, 50, 44, 46, 52, 60, 62, 58, 60, 54, 40, 22, 10
]

interface Net {
  readonly id: string
  readonly prefix: string
  readonly clients: number
  /** Lookups on a workday. */
  readonly lookups: number
  readonly hours: readonly number[]
  /** Factor on Saturday and Sunday. */
  readonly weekend: number
}

/** Five networks, as in docs/guides/reports.md. */
const NETS: readonly Net[] = [
  {
    id: 'federal-phones',
    prefix: '10.20.0',
    clients: 60,
    lookups: 1900,
    hours: PHONES,
    weekend: 0.6
  },
  {
    id: 'federal-offices',
    prefix: '10.21.0',
    clients: 80,
    lookups: 1700,
    hours: OFFICE,
    weekend: 0.05
  },
  { id: 'schools', prefix: '10.30.0', clients: 90, lookups: 1500, hours: OFFICE, weekend: 0.02 },
  { id: 'town-hall', prefix: '10.40.0', clients: 30, lookups: 700, hours: OFFICE, weekend: 0.1 },
  { id: 'museum', prefix: '10.50.0', clients: 15, lookups: 300, hours: PHONES, weekend: 1.4 }
]

type Rule = Pick<
  QueryRecord,
  'verdict' | 'match' | 'app' | 'ban' | 'exception' | 'rule' | 'pattern' | 'source' | 'ede'
>

interface App {
  /** Names with their weights. */
  readonly names: Readonly<Record<string, number>>
  /** Its share of all lookups, in thousandths, by network. */
  readonly share: Readonly<Record<string, number>>
  readonly rule: (net: string, client: number, name: string) => Rule | undefined
}

const FEDERAL = ['federal-phones', 'federal-offices', 'town-hall']
const PRESS = 7

const banned = (app: string, ban: string, line: number, pattern: string, ede = 15): Rule => {
  return {
    verdict: 'blocked',
    match: 'qname',
    app,
    ban,
    rule: `networks.yaml:${line}`,
    pattern,
    source: `apps/${app}.yaml:24`,
    ede
  }
}

const APPS: readonly App[] = [
  {
    names: {
      'www.tiktok.com': 4,
      'mon.tiktokv.com': 30,
      'log.tiktokv.com': 22,
      'api16-core.tiktokv.com': 12,
      'v16-web.tiktokcdn.com': 9,
      'p16-sign.tiktokcdn-us.com': 5
    },
    share: {
      'federal-phones': 150,
      'federal-offices': 12,
      'town-hall': 40,
      schools: 90,
      museum: 60
    },
    rule: (net, client, name) => {
      const pattern = name.split('.').slice(-2).join('.')
      if (!FEDERAL.includes(net)) return undefined
      if (net === 'federal-phones' && client === PRESS) {
        return {
          verdict: 'allowed',
          match: 'qname',
          app: 'tiktok',
          exception: 'press',
          rule: 'networks.yaml:20',
          pattern,
          source: 'apps/tiktok.yaml:24'
        }
      }
      return banned('tiktok', 'federal-tiktok', 7, pattern, 16)
    }
  },
  {
    names: { 'www.snapchat.com': 4, 'gcp.api.snapchat.com': 20, 'app-analytics.snapchat.com': 12 },
    share: { schools: 70, 'federal-phones': 12, museum: 20 },
    rule: net =>
      net === 'schools'
        ? { ...banned('snapchat', 'schools-snapchat', 30, 'snapchat.com'), verdict: 'monitored' }
        : undefined
  },
  {
    names: { 'chat.deepseek.com': 5, 'api.deepseek.com': 3 },
    share: { 'federal-phones': 5, 'federal-offices': 14, 'town-hall': 9, schools: 12 },
    rule: net =>
      FEDERAL.includes(net)
        ? banned('deepseek', 'federal-deepseek', 14, 'deepseek.com', 16)
        : undefined
  },
  {
    names: { 'dns.google': 9, 'mozilla.cloudflare-dns.com': 4, 'chrome.cloudflare-dns.com': 6 },
    share: { 'federal-phones': 12, 'federal-offices': 4, 'town-hall': 30, schools: 25, museum: 8 },
    rule: (net, _client, name) =>
      FEDERAL.includes(net) ? banned('encrypted-dns', 'federal-bypass', 17, `=${name}`) : undefined
  },
  {
    names: { 'mask.icloud.com': 6, 'mask-h2.icloud.com': 3 },
    share: { 'federal-phones': 9, schools: 6, museum: 6 },
    rule: (net, _client, name) =>
      FEDERAL.includes(net) ? banned('private-relay', 'federal-bypass', 17, `=${name}`) : undefined
  },
  {
    names: { 'use-application-dns.net': 1 },
    share: { 'federal-offices': 10, schools: 8, 'town-hall': 8, museum: 4 },
    rule: net =>
      FEDERAL.includes(net)
        ? banned('firefox-canary', 'federal-bypass', 17, '=use-application-dns.net')
        : undefined
  }
]

/** Names of other lookups; the first ones are the most popular. */
const PLAIN = Array.from(
  { length: 300 },
  (_, i) => `${['www', 'api', 'cdn', 'mail', 'img'][i % 5]!}.site-${i}.example`
)

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

/**
 * Archives all but the active file, as a gateway does. Most reports then read tallies, which takes a
 * tenth of the time.
 */
export async function archiveWeek(live: string): Promise<void> {
  const options = { path: live, threads: 1, parquet: true, chain: undefined, keep: undefined }
  const nothing = (): void => undefined
  const log = { info: nothing, warn: nothing, error: nothing }
  await maintainArchive(options, START + DAYS * DAY - 1, log)
}

function recordsOf(day: number, scale: number, random: () => number): QueryRecord[] {
  const weekday = new Date(START + day * DAY).getUTCDay()
  const isWeekend = weekday === 0 || weekday === 6
  return NETS.flatMap(net => {
    // On the last day somebody in the town hall pointed browsers at another resolver.
    const drop = net.id === 'town-hall' && day === DAYS - 1 ? 0.4 : 1
    const count = Math.round(
      scale * net.lookups * (isWeekend ? net.weekend : 1) * drop * (0.94 + 0.12 * random())
    )
    return Array.from({ length: count }, () => lookup(net, day, random)).flat()
  })
}

function lookup(net: Net, day: number, random: () => number): QueryRecord[] {
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
  net: Net,
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
  net: Net,
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
