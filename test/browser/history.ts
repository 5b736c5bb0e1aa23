import type { Milliseconds } from '../../src/base/units.js'
import { encodeHistoryLine } from '../../src/lookups/bindings/history-line.js'
import { encodeFindingLine } from '../../src/lookups/egress/egress-finding.js'
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
  [
    2,
    {
      ...{ qname: 'px.ads.example', verdict: 'blocked', match: 'qname', list: 'ads', block: 'ads' },
      ...{ pattern: 'ads.example', source: 'lists/ads.txt:1' }
    }
  ],
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

const FAILING = [
  [
    'www.broken.example',
    7,
    'RRSIG of key 31589 expired on 2026-11-28T00:00:00Z',
    'hostmaster@broken.example'
  ],
  [
    'api.broken.example',
    7,
    'RRSIG of key 31589 expired on 2026-11-28T00:00:00Z',
    'hostmaster@broken.example'
  ],
  ['intranet.gov.example', 10, 'no RRSIG, although gov.example is signed', undefined]
] as const

/** Samples of `dnssec: observe`, in an hour. */
function* observed(now: Milliseconds): Generator<string> {
  for (let i = 0; i < 60; i++) {
    const [qname, ede, reason, dnssecContact] = FAILING[i % 10] ?? []
    const failed = { client: `10.10.1.${1 + (i % 7)}`, ede, dnssec: 'bogus', dnssecContact }
    yield JSON.stringify({
      ...{ v: 1, time: new Date(now - HOUR + i * 60_000).toISOString(), generation: 1 },
      ...(qname === undefined ? { privacy: 'none', dnssec: 'secure' } : failed),
      ...(reason !== undefined && { dnssecReason: `${qname} A: ${reason}` }),
      ...{ network: 'ministry', protocol: 'udp', qname: qname ?? 'www.gov.example', qtype: 'A' },
      ...{ rcode: 'NOERROR', verdict: 'observed', us: 30_000, validated: 9, answers: 41 }
    })
  }
}

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
  return `${[...lines, ...tunnel(now), ...observed(now)].join('\n')}\n`
}

/** A tunnel of one client an hour ago, with a poll each second. */
function tunnel(now: number): string[] {
  const next = numbers()
  return Array.from({ length: 600 }, (_, i) => {
    const packet = Array.from({ length: 24 }, () => Math.floor(next() * 256))
    return JSON.stringify({
      ...{ v: 1, time: new Date(now - HOUR + i * 1000).toISOString(), generation: 1 },
      ...{ client: '10.20.4.9', network: 'phones', protocol: 'udp', rcode: 'NOERROR', us: 21_000 },
      ...{ qname: `${Buffer.from(packet).toString('hex')}.t.tunnel.example` },
      ...{ qtype: ['TXT', 'CNAME', 'MX'][i % 3], verdict: 'forwarded' }
    })
  })
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

/** Devices of the phones, and of one client of the ministry. */
const DEVICES = [...Array.from({ length: 40 }, (_, i) => `10.20.4.${i + 1}`), '10.10.9.7']
const factsOf = (address: string, i: number) => ({
  ...{
    address,
    mac: `02:00:5e:10:00:${(i + 16).toString(16)}`,
    host: `phone-${i + 1}.gov.example`
  },
  ...{ user: `user${i + 1}`, groups: ['staff', 'phones'], port: `ap-${1 + (i % 3)}` }
})

/** The history of bindings of a week. */
export function bindingHistory(now: Milliseconds): string {
  const time = now - 7 * DAY
  const lines = DEVICES.map((address, i) =>
    encodeHistoryLine({
      ...{ kind: 'begin', time },
      binding: { ...factsOf(address, i), source: 'dhcp', from: time - HOUR, until: Infinity }
    })
  )
  const start = encodeHistoryLine({ kind: 'start', time })
  const up = encodeHistoryLine({ kind: 'up', time, source: 'dhcp' })
  const alive = encodeHistoryLine({ kind: 'alive', time: now })
  return `${[start, up, ...lines, alive].join('\n')}\n`
}

/** Connections of a week that no answer led to. */
export function egressFindings(now: Milliseconds): string {
  const lines = Array.from({ length: 30 }, (_, i) => {
    const time = now - 6 * DAY + i * 4 * HOUR
    const kind = (['banned', 'resolver', 'unresolved'] as const)[i % 3]!
    const banned = { apps: ['tiktok'], names: ['api16-normal-c-useast1a.tiktokv.com'] }
    const finding = {
      ...{ kind, network: 'phones', client: DEVICES[i % 4]!, protocol: 'tcp' as const },
      ...{ destination: ['203.0.113.9', '9.9.9.9', '2001:db8::25'][i % 3]! },
      ...{ port: [443, 853, 443][i % 3]!, first: time - HOUR, last: time, connections: 3 + i },
      ...(kind === 'banned' ? banned : { apps: [], names: [] }),
      octets: i % 4 === 0 ? null : 12_345 * i
    }
    return encodeFindingLine({ event: 'finding', time, finding })
  })
  return `${[encodeFindingLine({ event: 'start', time: now - 7 * DAY }), ...lines].join('\n')}\n`
}

/** The same as a feed. */
export function leases(now: Milliseconds): string {
  const times = {
    from: new Date(now - HOUR).toISOString(),
    until: new Date(now + DAY).toISOString()
  }
  const lines = DEVICES.map((address, i) => JSON.stringify({ ...factsOf(address, i), ...times }))
  return `${lines.join('\n')}\n`
}
