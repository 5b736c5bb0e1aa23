import type { Milliseconds } from '../../src/base/units.js'
import { DURATION_BOUNDS } from '../../src/resolver/context/lookup-counters.js'

const HOUR: Milliseconds = 3_600_000
const DAY = 24 * HOUR

/** The same numbers each time, from 0 up to 1. */
function numbers(): () => number {
  let state = 20_260
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** What clients ask for, with what decided, and how often. */
const KINDS: readonly (readonly [number, Readonly<Record<string, string>>])[] = [
  [40, { qname: 'www.gov.example', verdict: 'cached' }],
  [30, { qname: 'mail.gov.example', verdict: 'forwarded' }],
  [12, { qname: 'cdn.news.example', verdict: 'cached' }],
  [9, blocked('www.tiktok.com', 'tiktok', 'federal-tiktok', 'tiktok.com')],
  [4, blocked('v16m.tiktokcdn.com', 'tiktok', 'federal-tiktok', 'tiktokcdn.com')],
  [3, blocked('mon.byteoversea.com', 'bytedance-shared', 'federal-tiktok', 'byteoversea.com')],
  [4, blocked('chat.deepseek.com', 'deepseek', 'deepseek-ban', 'deepseek.com')],
  [2, blocked('dns.google', 'encrypted-dns', 'no-bypass', 'dns.google')],
  [2, blocked('mask.icloud.com', 'private-relay', 'no-bypass', 'mask.icloud.com')],
  [
    1,
    { qname: 'temu.com', verdict: 'monitored', match: 'qname', app: 'temu', ban: 'guests-monitor' }
  ],
  [2, { qname: 'px.ads.example', verdict: 'blocked', match: 'qname', list: 'ads', block: 'ads' }],
  [1, { qname: 'old.gov.example', verdict: 'stale' }]
]

function blocked(qname: string, app: string, ban: string, pattern: string) {
  return {
    ...{ qname, verdict: 'blocked', match: 'qname', app, ban, rule: 'networks.yaml:7' },
    ...{ pattern, source: `apps/${app}.yaml:23`, rcode: 'NXDOMAIN' }
  }
}

const CLIENTS = [
  ['ministry', '10.10.1.', 24],
  ['ministry', '10.10.7.', 6],
  ['phones', '10.20.4.', 40],
  ['guests', '10.30.9.', 12]
] as const

/** A week of lookups as lines of the query log, more by day than by night. */
export function history(now: Milliseconds, count = 12_000): string {
  const next = numbers()
  const weight = KINDS.reduce((sum, [one]) => sum + one, 0)
  const times = Array.from({ length: count }, () => {
    for (;;) {
      const at = now - next() * 7 * DAY
      if (next() < busyness(at)) return at
    }
  }).sort((a, b) => a - b)
  const lines = times.map(at => {
    let left = next() * weight
    const [, kind] = KINDS.find(([one]) => (left -= one) < 0)!
    const [network, prefix, clients] = CLIENTS[Math.floor(next() * CLIENTS.length)]!
    return JSON.stringify({
      ...{ v: 1, time: new Date(at).toISOString(), generation: 1, sha256: '9f86d081884c' },
      ...{ client: `${prefix}${1 + Math.floor(next() * clients)}`, network, protocol: 'udp' },
      ...{ qtype: next() < 0.6 ? 'A' : next() < 0.7 ? 'AAAA' : 'HTTPS', rcode: 'NOERROR' },
      ...kind,
      us: Math.floor(10 + next() * 400)
    })
  })
  return `${lines.join('\n')}\n`
}

/** From 0.1 in the night to 1 at noon. */
function busyness(at: Milliseconds): number {
  return 0.55 - 0.45 * Math.cos((2 * Math.PI * (at % DAY)) / DAY)
}

/** The last 24 hours by minute, as the gateway stores them, with a short failure of upstreams. */
export function trend(now: Milliseconds): string {
  const next = numbers()
  const end = Math.floor(now / 60_000) * 60_000
  const rows = Array.from({ length: 24 * 60 - 1 }, (_, i) => {
    const at = end - (24 * 60 - 1 - i) * 60_000
    const responses = Math.round(9_000 * busyness(at) * (0.9 + 0.2 * next()))
    const isFailing = i > 700 && i < 740
    const blocked = Math.round(responses * (0.1 + 0.05 * next()))
    const stale = isFailing ? Math.round(responses * 0.2) : Math.round(responses * 0.002)
    const failed = isFailing ? Math.round(responses * 0.03) : 0
    const hits = Math.round((responses - blocked) * (0.82 + 0.05 * next()))
    const shares = [0.84, 0.02, 0.02, 0.03, 0.04, 0.03, 0.015, 0.004, 0.001]
    const durations = Array.from({ length: DURATION_BOUNDS.length + 1 }, (__, j) =>
      Math.round(responses * (shares[j] ?? 0) * (isFailing && j > 4 ? 8 : 1))
    )
    return [at, responses, blocked, stale, failed, hits, responses - blocked - hits, ...durations]
  })
  return JSON.stringify(rows)
}
