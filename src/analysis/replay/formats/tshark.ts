import { PROTOCOL } from '../../../lookups/event/query-event.js'
import { RECORDED, type LookupSink } from '../parsed-lookup.js'
import { TextLog } from './text-log.js'

/** The Wireshark fields used. */
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
/** Returns the value of a field of a packet; undefined or '' if it is missing. */
type Packet = (field: Field) => string | undefined

const TCP = '6'

/** Reads `tshark -T fields -E header=y`: the first line names the columns. */
export class TsharkFields extends TextLog {
  /** The column of each field; -1 if missing. */
  private columns: Readonly<Record<Field, number>> | undefined

  constructor(readonly sink: LookupSink) {
    super()
  }

  text(line: string): string | undefined {
    const cells = line.split('\t')
    if (this.columns === undefined) {
      const columns = FIELDS.map(field => [field, cells.indexOf(field)])
      this.columns = Object.fromEntries(columns) as Record<Field, number>
      return cells.includes('dns.qry.name') ? undefined : 'no header line with dns.qry.name'
    }
    const columns = this.columns
    const cellOf = (column: number): string | undefined =>
      column < 0 ? undefined : (cells[column] ?? '')
    return addPacket(field => cellOf(columns[field]), this.sink)
  }
}

/** Reads `tshark -T json` packet by packet: each starts and ends on a line of its own. */
export class TsharkJson extends TextLog {
  private packet: string[] | undefined

  constructor(readonly sink: LookupSink) {
    super()
  }

  text(line: string): string | undefined {
    if (line === '  {') this.packet = []
    if (this.packet === undefined) {
      return ['[', ']', '  ,', ','].includes(line.trimEnd()) ? undefined : 'outside a packet'
    }
    const ends = line === '  }' || line === '  },'
    this.packet.push(ends ? '  }' : line)
    return ends ? this.end() : undefined
  }

  end(): string | undefined {
    const packet = this.packet
    this.packet = undefined
    if (packet === undefined) return undefined
    try {
      const { _source } = JSON.parse(packet.join('\n')) as { _source?: { layers?: unknown } }
      const found = fieldsIn(_source?.layers, {})
      return addPacket(field => found[field], this.sink)
    } catch {
      return 'not a complete packet'
    }
  }
}

/** Collects the fields, whether in the tree of a packet or flat, as with `-e`. */
function fieldsIn(value: unknown, found: Record<string, string>): Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null) return found
  for (const [key, inner] of Object.entries(value)) {
    const text: unknown = Array.isArray(inner) ? inner[0] : inner
    if (typeof text !== 'string') fieldsIn(inner, found)
    else if ((FIELDS as readonly string[]).includes(key)) found[key] ??= text
  }
  return found
}

function addPacket(packet: Packet, sink: LookupSink): string | undefined {
  const response = packet('dns.flags.response')
  const name = packet('dns.qry.name') ?? ''
  // A response, or a packet of another protocol.
  if (response === '1' || response === 'True' || name === '') return undefined
  const at = Number(packet('frame.time_epoch') ?? NaN)
  const type = Number(packet('dns.qry.type') ?? NaN)
  if (!(type >= 0)) return 'no dns.qry.type'
  const isTcp = packet('ip.proto') === TCP || packet('ipv6.nxt') === TCP
  return sink.addLookup({
    at: Number.isNaN(at) ? undefined : Math.floor(at),
    client: [packet('ip.src'), packet('ipv6.src')].find(text => text) ?? '',
    name: name === '<Root>' ? '.' : name,
    qtype: type,
    protocol: isTcp ? PROTOCOL.tcp : PROTOCOL.udp,
    recorded: RECORDED.open
  })
}
