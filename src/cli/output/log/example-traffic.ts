import type { QueryRecord } from '../../../lookups/event/schema.js'

/** Relative lookups in each hour (UTC), for offices and for phones. */
const OFFICE = [1, 1, 1, 1, 1, 2, 8, 30, 60, 70, 66, 50, 58, 66, 60, 52, 30, 12, 6, 4, 3, 2, 2, 1]
const PHONES = [
  4, 2, 1, 1, 1, 4, 20, 40, 42, 40, 42, 56, 50, 44, 46, 52, 60, 62, 58, 60, 54, 40, 22, 10
]

export interface Network {
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
export const NETWORKS: readonly Network[] = [
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

export type Rule = Pick<
  QueryRecord,
  'verdict' | 'match' | 'app' | 'ban' | 'exception' | 'rule' | 'pattern' | 'source' | 'ede'
>

export interface App {
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

export const APPS: readonly App[] = [
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
export const PLAIN = Array.from(
  { length: 300 },
  (_, i) => `${['www', 'api', 'cdn', 'mail', 'img'][i % 5]!}.site-${i}.example`
)
