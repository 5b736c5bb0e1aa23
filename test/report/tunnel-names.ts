import { seeded } from '../../bench/kit/random.js'

/**
 * Queries of tunnels, made from the published formats: iodine's doc/proto_00000502.txt, dnscat2's doc/protocol.md with
 * its session encryption, and dns2tcp's packet.h and requests.c. Names are in lower case, as the log writes them.
 */
export interface TunnelQuery {
  /** Seconds since the tunnel began. */
  readonly at: number
  readonly qname: string
  readonly qtype: string
}

export interface TunnelOptions {
  readonly domain: string
  readonly qtypes: readonly string[]
  readonly seconds: number
  /** Octets per second from the client; 0: it only polls. */
  readonly rate: number
  readonly seed?: number
}

const BASE32 = 'abcdefghijklmnopqrstuvwxyz012345'
const BASE64 = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-/'

/** @param bits per character */
function encoded(octets: readonly number[], alphabet: string, bits: number): string {
  let [text, value, held] = ['', 0, 0]
  for (const octet of octets) {
    value = ((value << 8) | octet) & 0xffffff
    held += 8
    while (held >= bits) {
      held -= bits
      text += alphabet[(value >> held) & (alphabet.length - 1)]!
    }
  }
  return held === 0 ? text : text + alphabet[(value << (bits - held)) & (alphabet.length - 1)]!
}

const dotted = (text: string, length: number): string =>
  text.match(new RegExp(`.{1,${length}}`, 'gs'))!.join('.')

const u16 = (value: number): number[] => [(value >> 8) & 0xff, value & 0xff]

/** iodine: version, login, codec and fragment size probes, then pings every 4 s or data in base32. */
export function iodine({ domain, qtypes, seconds, rate, seed = 1 }: TunnelOptions): TunnelQuery[] {
  const random = seeded(seed)
  const octet = (): number => Math.floor(random() * 256)
  const some = (count: number): number[] => Array.from({ length: count }, octet)
  const [qtype] = qtypes as [string]
  let cmc = Math.floor(random() * 65_536)
  const counter = (): number[] => u16(cmc++)
  const queries: TunnelQuery[] = []
  const add = (at: number, head: string, octets: readonly number[]): void => {
    const text = head + encoded(octets, BASE32, 5)
    queries.push({ at, qname: `${dotted(text, 57)}.${domain}`, qtype })
  }
  add(0, 'v', [0, 0, 5, 2, ...counter()])
  add(0.1, 'l', [0, ...some(16), ...counter()])
  for (let i = 0; i < 3; i++) add(0.2 + i / 10, 'z', some(60))
  for (let i = 0; i < 10; i++) add(1 + i, `ra${BASE32[i]!}`, some(110))
  // As much of a name as 255 octets leave, after a header of five characters.
  const payload = Math.floor(((245 - domain.length) * 57 * 5) / 58 / 8)
  const step = rate === 0 ? 4 : payload / rate
  for (let at = 12; at < seconds; at += step) {
    if (rate === 0) add(at, 'p', [0, octet() & 0x7f, ...counter()])
    else {
      const header = encoded(some(2), BASE32, 5).slice(0, 3)
      add(at, `0${header}${'0123456789abcdefghijklmnopqrstuvwxyz'[cmc++ % 36]!}`, some(payload))
    }
  }
  return queries
}

/** dnscat2: hexadecimal, a poll each second, types at random; encrypted packets have a nonce and a signature. */
export function dnscat2({ domain, qtypes, seconds, rate, seed = 1 }: TunnelOptions): TunnelQuery[] {
  const random = seeded(seed)
  const some = (count: number): number[] =>
    Array.from({ length: count }, () => Math.floor(random() * 256))
  const session = some(2)
  return Array.from({ length: seconds }, (_, at) => {
    const length = Math.min(rate, 80)
    // packet_id, type MSG, session_id, signature, nonce, then seq, ack and data, encrypted.
    const packet = [...some(2), 1, ...session, ...some(6), ...u16(at), ...some(4 + length)]
    const text = Buffer.from(packet).toString('hex')
    const qtype = qtypes[Math.floor(random() * qtypes.length)]!
    return { at, qname: `${dotted(text, 63)}.${domain}`, qtype }
  })
}

/** dns2tcp: session, ack, seq and type of seven octets, then data, in base64; TXT or KEY. */
export function dns2tcp({ domain, qtypes, seconds, rate, seed = 1 }: TunnelOptions): TunnelQuery[] {
  const random = seeded(seed)
  const some = (count: number): number[] =>
    Array.from({ length: count }, () => Math.floor(random() * 256))
  const [qtype] = qtypes as [string]
  const session = some(2)
  const payload = rate === 0 ? 0 : 130
  const step = rate === 0 ? 1 : payload / rate
  const name = (octets: readonly number[], more = ''): string =>
    `${dotted(encoded(octets, BASE64, 6), 63)}.${more}${domain}`.toLowerCase()
  const queries: TunnelQuery[] = [
    { at: 0, qname: name([...session, ...some(4), 0], '=auth.'), qtype },
    { at: 0.5, qname: name([...session, ...some(4), 0, ...Buffer.from('ssh')], '=connect.'), qtype }
  ]
  for (let [at, sequence] = [1, 1]; at < seconds; at += step, sequence++) {
    const type = payload === 0 ? 4 : 8
    const packet = [...session, ...u16(sequence - 1), ...u16(sequence), type, ...some(payload)]
    queries.push({ at, qname: name(packet), qtype })
  }
  return queries
}
