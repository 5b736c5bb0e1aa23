import { PROTOCOL } from '../../querylog/record/query-event.js'
import { RECORDED, type Sink } from '../lookup.js'
import { TextLog } from './text-log.js'

/** Fields of Wireshark that are looked at. */
const FIELDS = [
  'frame.time_epoch',
  'ip.src',
  'ipv6.src',
  'ip.proto',
  'ipv6.nxt',
  'dns.flags.response',
  'dns.qry.name',
  'dns.qry.type'
] as const
type Field = (typeof FIELDS)[number]
/** What a packet has in a field; undefined, or '', where it has not got it. */
type Packet = (field: Field) => string | undefined

const TCP = '6'

/** Reads `tshark -T fields -E header=y`: the first line says which columns there are. */
export class TsharkFields extends TextLog {
  /** Of each field that is looked at its column, -1 where there is none. */
  #columns: Readonly<Record<Field, number>> | undefined

  constructor(readonly sink: Sink) {
    super()
  }

  text(line: string): string | undefined {
    const cells = line.split('\t')
    if (this.#columns === undefined) {
      const columns = FIELDS.map(field => [field, cells.indexOf(field)])
      this.#columns = Object.fromEntries(columns) as Record<Field, number>
      return cells.includes('dns.qry.name') ? undefined : 'no head with dns.qry.name'
    }
    const columns = this.#columns
    const cellOf = (column: number): string | undefined =>
      column < 0 ? undefined : (cells[column] ?? '')
    return findPacket(field => cellOf(columns[field]), this.sink)
  }
}

/** Reads `tshark -T json`, packet by packet: each begins and ends with its own line. */
export class TsharkJson extends TextLog {
  #packet: string[] | undefined

  constructor(readonly sink: Sink) {
    super()
  }

  text(line: string): string | undefined {
    if (line === '  {') this.#packet = []
    if (this.#packet === undefined) {
      return ['[', ']', '  ,', ','].includes(line.trimEnd()) ? undefined : 'outside of a packet'
    }
    const ends = line === '  }' || line === '  },'
    this.#packet.push(ends ? '  }' : line)
    return ends ? this.end() : undefined
  }

  end(): string | undefined {
    const packet = this.#packet
    this.#packet = undefined
    if (packet === undefined) return undefined
    try {
      const { _source } = JSON.parse(packet.join('\n')) as { _source?: { layers?: unknown } }
      const found = fieldsIn(_source?.layers, {})
      return findPacket(field => found[field], this.sink)
    } catch {
      return 'not a whole packet'
    }
  }
}

/** The fields wherever they stand: in the tree of a packet, or side by side as `-e` has them. */
function fieldsIn(value: unknown, found: Record<string, string>): Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null) return found
  for (const [key, inner] of Object.entries(value)) {
    const text: unknown = Array.isArray(inner) ? inner[0] : inner
    if (typeof text !== 'string') fieldsIn(inner, found)
    else if ((FIELDS as readonly string[]).includes(key)) found[key] ??= text
  }
  return found
}

function findPacket(packet: Packet, sink: Sink): string | undefined {
  const response = packet('dns.flags.response')
  const name = packet('dns.qry.name') ?? ''
  // A response, or a packet of something else that stands between.
  if (response === '1' || response === 'True' || name === '') return undefined
  const at = Number(packet('frame.time_epoch') ?? NaN)
  const type = Number(packet('dns.qry.type') ?? NaN)
  if (!(type >= 0)) return 'no dns.qry.type'
  const isTcp = packet('ip.proto') === TCP || packet('ipv6.nxt') === TCP
  return sink.find({
    at: Number.isNaN(at) ? undefined : Math.floor(at),
    client: [packet('ip.src'), packet('ipv6.src')].find(text => text) ?? '',
    name: name === '<Root>' ? '.' : name,
    qtype: type,
    protocol: isTcp ? PROTOCOL.tcp : PROTOCOL.udp,
    recorded: RECORDED.open
  })
}
