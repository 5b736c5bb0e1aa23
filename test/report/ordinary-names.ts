import { createHash } from 'node:crypto'
import { seeded } from '../../bench/kit/random.js'

/**
 * A generator of ordinary traffic for counting false alarms. It has what looks most like tunnels: block lists of mail servers,
 * hashes of virus scanners, host names of content networks, telemetry with identifiers, DKIM keys, reverse names. It is
 * made up: its counts say nothing about the clients of any network.
 */
export interface OrdinaryQuery {
  /** Milliseconds since the start. */
  readonly at: number
  readonly client: string
  readonly qname: string
  readonly qtype: string
}

const HOUR = 3_600_000
const DAY = 24 * HOUR
const WORDS = ['www', 'api', 'mail', 'cdn', 'img', 'static', 'login', 'app', 'm', 'news', 'shop']

/** Queries of so many clients in a day, of which two are mail servers, and each tenth has a virus scanner. */
export function ordinary(clients: number, perClient: number, seed = 1): OrdinaryQuery[] {
  const random = seeded(seed)
  const below = (count: number): number => Math.floor(random() * count)
  const one = <T>(values: readonly T[]): T => values[below(values.length)]!
  const hash = (length: number): string =>
    createHash('sha256').update(String(random())).digest('hex').slice(0, length)
  // Few sites are popular, many are not: as Zipf's law has it.
  const site = (): string =>
    `site${Math.floor(2_000 ** random())}.${one(['example', 'co.uk', 'org'])}`
  const address = (): string => [below(256), below(256), below(256), below(256)].join('.')
  const queries: OrdinaryQuery[] = []
  const ask = (client: string, qname: string, qtypes: readonly string[], at = below(DAY)): void => {
    for (const qtype of qtypes) queries.push({ at, client, qname, qtype })
  }
  for (let i = 0; i < clients; i++) {
    const client = `10.1.${i >> 8}.${i & 255}`
    for (let n = 0; n < perClient; n++) {
      const kind = random()
      if (kind < 0.8) ask(client, `${one(WORDS)}.${site()}`, ['A', 'AAAA', 'HTTPS'])
      else if (kind < 0.88) ask(client, `${hash(14)}.cloudfront.net`, ['A', 'AAAA'])
      else if (kind < 0.94)
        ask(client, `r${below(20)}---sn-${hash(8)}.video-cdn.example`, ['A', 'AAAA', 'HTTPS'])
      else if (kind < 0.97) ask(client, `${hash(32)}.telemetry.example`, ['A', 'AAAA'])
      else if (kind < 0.98) ask(client, `selector._domainkey.${site()}`, ['TXT'])
      else ask(client, `${address().split('.').reverse().join('.')}.in-addr.arpa`, ['PTR'])
    }
    // A scan of many files in an hour, each by the hash of its content.
    if (i % 10 === 0)
      for (let n = 0; n < 400; n++)
        ask(client, `${hash(40)}.avscan.example`, ['A'], 10 * HOUR + below(HOUR))
  }
  for (const server of ['10.2.0.25', '10.2.0.26'])
    for (let n = 0; n < 20_000; n++) {
      const reversed = address().split('.').reverse().join('.')
      ask(server, `${reversed}.zen.dnsbl.example`, random() < 0.5 ? ['A'] : ['A', 'TXT'])
    }
  return queries.sort((a, b) => a.at - b.at)
}
