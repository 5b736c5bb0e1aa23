import { hostname } from 'node:os'
import type { Octets } from '../../base/units.js'
import type { QueryRecord } from '../event/schema.js'
import { formatRecord, type RecordFormat } from './record-formats.js'

/** local0 of RFC 5424 §6.2.1. */
const FACILITY = 16
const SEVERITY: Readonly<Record<string, number>> = { blocked: 5, monitored: 5, failed: 4 }
const INFORMATIONAL = 6
/** Size of a datagram that every receiver should accept. RFC 5426 §3.2. */
const MAX_DATAGRAM: Octets = 2048
/** PEN 32473 is reserved for examples (RFC 5612): this program has none of its own. */
const SD_ID = 'interdict@32473'
/** PRINTUSASCII, at most 255 characters. RFC 5424 §6.2.4. */
const HOST =
  hostname()
    .replaceAll(/[^!-~]/g, '')
    .slice(0, 255) || '-'

/** HEADER of RFC 5424 §6.2. */
export function syslogHeader(severity: number, time: string, messageId: string): string {
  return `<${FACILITY * 8 + severity}>1 ${time} ${HOST} interdict ${process.pid} ${messageId}`
}

/** RFC 5424: header, the fields of the record as structured data, and the formatted text. */
function syslogMessage(record: QueryRecord, format: RecordFormat): Buffer {
  const { time, verdict } = record
  const fields = Object.entries(record).filter(([name]) => name !== 'time')
  const data = fields.map(([name, value]) => ` ${name}="${escape(String(value))}"`).join('')
  const severity = SEVERITY[verdict] ?? INFORMATIONAL
  const head = `${syslogHeader(severity, time, verdict)} [${SD_ID}${data}]`
  // Without BOM, that is MSG-ANY (§6.4): many receivers display the BOM.
  return Buffer.from(`${head} ${formatRecord(format, record)}`)
}

/** Escapes a PARAM-VALUE. RFC 5424 §6.3.3. */
function escape(text: string): string {
  return text.replaceAll(/["\\\]]/g, '\\$&')
}

/** As a datagram; if it is too long, the text is omitted, which adds no information. */
export function syslogDatagram(record: QueryRecord, format: RecordFormat): Buffer {
  const message = syslogMessage(record, format)
  if (message.length <= MAX_DATAGRAM) return message
  const text = Buffer.byteLength(formatRecord(format, record))
  return message.subarray(0, message.length - text - 1)
}

/** For a stream: preceded by its length. RFC 6587 §3.4.1, RFC 5425 §4.3. */
export function syslogFrame(record: QueryRecord, format: RecordFormat): Buffer {
  const message = syslogMessage(record, format)
  return Buffer.concat([Buffer.from(`${message.length} `), message])
}
