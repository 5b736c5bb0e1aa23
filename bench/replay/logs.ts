import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { dnstapFrame } from '../../src/lookups/export/dnstap-frame.js'
import type { QueryRecord } from '../../src/lookups/event/schema.js'
import type { Format } from '../../src/analysis/replay/formats/formats.js'
import { allowedName, blockedName, drawByRank } from '../kit/names.js'
import { scramble } from '../kit/random.js'

/** One lookup, as each log has it in its own way. */
interface Lookup {
  readonly number: number
  /** In milliseconds since 1970. */
  readonly at: number
  readonly client: string
  readonly name: string
  readonly type: string
  readonly isBlocked: boolean
}

/** A log that can be made of lookups. */
export interface BenchLog {
  readonly what: string
  readonly format: Format
  readonly head?: string
  readonly entry: (lookup: Lookup) => string | Buffer
}

const iso = (at: number): string => new Date(at).toISOString()

/** A line of our own log; `who` is what it says of the client. */
function ownLine({ at, name, type, isBlocked }: Lookup, who: string): string {
  const became = isBlocked
    ? `"rcode":"NOERROR","verdict":"blocked","match":"qname","list":"names","block":"local/names","rule":"networks.yaml:5","pattern":"${name}","source":"lists/names.txt:1","us":3,"ede":15}`
    : `"rcode":"NOERROR","verdict":"cached","us":3}`
  return `{"v":1,"time":"${iso(at)}","generation":1,"sha256":"9f86d081884c",${who},"network":"local","protocol":"udp","qname":"${name}","qtype":"${type}",${became}\n`
}

function dnsmasqLines({ at, name, type, client, isBlocked }: Lookup): string {
  const head = `${new Date(at).toUTCString().slice(8, 11)} ${iso(at).slice(8, 10)} ${iso(at).slice(11, 19)} dnsmasq[412]:`
  const became = isBlocked
    ? `${head} gravity blocked ${name} is 0.0.0.0\n`
    : `${head} forwarded ${name} to 192.0.2.53\n${head} reply ${name} is 192.0.2.80\n`
  return `${head} query[${type}] ${name} from ${client}\n${became}`
}

function adGuardLine({ at, name, type, client, isBlocked }: Lookup): string {
  const result = isBlocked
    ? `{"Rules":[{"Text":"||${name}^","FilterListID":1}],"Reason":3,"IsFiltered":true}`
    : '{}'
  const answer = 'AAGBgAABAAEAAAAAA3d3dwdleGFtcGxlAAABAAHADAABAAEAAAA8AATAAAJQ'
  return `{"T":"${iso(at).slice(0, -1)}456789Z","QH":"${name}","QT":"${type}","QC":"IN","CP":"","Upstream":"192.0.2.53:53","Answer":"${answer}","IP":"${client}","Result":${result},"Elapsed":123456}\n`
}

const TSHARK =
  'frame.time_epoch\tip.src\tipv6.src\tip.proto\tipv6.nxt\tdns.qry.name\tdns.qry.type\n'
const number = (type: string): number => (type === 'A' ? 1 : 28)

function tsharkLine({ at, name, type, client }: Lookup): string {
  return `${(at / 1000).toFixed(9)}\t${client}\t\t17\t\t${name}\t${number(type)}\n`
}

function tsharkPacket({ number: packet, at, name, type, client }: Lookup): string {
  const layers = {
    'frame.time_epoch': [(at / 1000).toFixed(9)],
    'ip.src': [client],
    'ip.proto': ['17'],
    'dns.qry.name': [name],
    'dns.qry.type': [String(number(type))]
  }
  const whole = { _index: 'packets', _type: 'doc', _score: null, _source: { layers } }
  const text = JSON.stringify([whole], undefined, 2).slice(2, -2)
  return `${packet === 0 ? '[\n' : '  ,\n'}${text}\n`
}

function dnstapOf({ at, name, type, client, isBlocked }: Lookup): Buffer {
  const record: QueryRecord = {
    v: 1,
    time: iso(at),
    generation: 1,
    client,
    protocol: 'udp',
    qname: name,
    qtype: type,
    rcode: 'NOERROR',
    verdict: isBlocked ? 'blocked' : 'cached',
    ...(isBlocked ? { match: 'qname', block: 'local/names', rule: 'networks.yaml:5' } : {}),
    us: 3
  }
  return Buffer.from(dnstapFrame(record))
}

const pseudonym = (client: string): string =>
  Buffer.from(client.padEnd(8)).toString('hex').slice(-16)

/** Our own, with what privacy makes of the client. */
export const OWN_LOGS: readonly BenchLog[] = [
  {
    what: 'interdict, privacy full',
    format: 'interdict',
    entry: lookup => ownLine(lookup, `"client":"${lookup.client}"`)
  },
  {
    what: 'interdict, privacy prefix',
    format: 'interdict',
    entry: lookup =>
      ownLine(lookup, `"client":"${lookup.client.replace(/\d+$/, '0/24')}","privacy":"prefix"`)
  },
  {
    what: 'interdict, privacy pseudonym',
    format: 'interdict',
    entry: lookup => ownLine(lookup, `"client":"${pseudonym(lookup.client)}","privacy":"pseudonym"`)
  },
  {
    what: 'interdict, privacy none',
    format: 'interdict',
    entry: lookup => ownLine(lookup, '"privacy":"none"')
  }
]

/** Those of other programs, each as it writes them. */
export const OTHER_LOGS: readonly BenchLog[] = [
  { what: 'dnstap', format: 'dnstap', entry: dnstapOf },
  {
    what: 'unbound',
    format: 'unbound',
    entry: ({ at, client, name, type }) =>
      `[${Math.floor(at / 1000)}] unbound[2809:0] info: ${client} ${name}. ${type} IN\n`
  },
  {
    what: 'dnsdist',
    format: 'dnsdist',
    entry: ({ number: id, at, client, name, type }) =>
      `[${(at / 1000).toFixed(9)}] Packet from ${client}:${1024 + (id % 60_000)} for ${name}. ${type} with id ${id & 0xffff}\n`
  },
  { what: 'dnsmasq, Pi-hole', format: 'dnsmasq', entry: dnsmasqLines },
  { what: 'adguard', format: 'adguard', entry: adGuardLine },
  { what: 'tshark-fields', format: 'tshark-fields', head: TSHARK, entry: tsharkLine },
  { what: 'tshark-json', format: 'tshark-json', entry: tsharkPacket }
]

/** A fifth of lookups blocked; names by Zipf's law, as in real traffic; a thousand clients. */
export async function writeLog(path: string, log: BenchLog, lookups: number): Promise<void> {
  const open = drawn(200_000, allowedName, 20, 1)
  const blocked = drawn(50_000, blockedName, 18, 2)
  const out = createWriteStream(path)
  let block: Buffer[] = [Buffer.from(log.head ?? '')]
  for (let i = 0; i < lookups; i++) {
    const isBlocked = i % 5 === 0
    const name = isBlocked ? blocked[(i / 5) & (blocked.length - 1)]! : open[i & (open.length - 1)]!
    const lookup = {
      number: i,
      at: 1_700_000_000_000 + i,
      client: `127.0.${scramble(i) & 3}.${(scramble(i) >>> 8) & 0xff}`,
      name,
      type: i % 3 === 0 ? 'AAAA' : 'A',
      isBlocked
    }
    block.push(Buffer.from(log.entry(lookup)))
    if (block.length < 1 << 12) continue
    if (!out.write(Buffer.concat(block))) await once(out, 'drain')
    block = []
  }
  out.end(Buffer.concat(block))
  await once(out, 'finish')
}

/** 2^bits names drawn of so many. */
function drawn(
  count: number,
  nameOf: (index: number) => string,
  bits: number,
  seed: number
): readonly string[] {
  return drawByRank(
    Array.from({ length: count }, (_, i) => nameOf(i)),
    1 << bits,
    seed
  )
}
