import { hostname } from 'node:os'
import { packageVersion } from '../../base/package.js'
import { SCHEMA_VERSION, type QueryRecord } from '../event/schema.js'
import { formatRecord, transportOf, type RecordFormat } from './record-formats.js'

/** A value in OTLP JSON: 64-bit integers are strings. */
type Value = { readonly stringValue: string } | { readonly intValue: string }
interface Attribute {
  readonly key: string
  readonly value: Value
}

/** The severities equivalent to notice, warning and informational in syslog. */
const NOTICE = { severityNumber: 10, severityText: 'NOTICE' }
const SEVERITY: Readonly<Record<string, object>> = {
  blocked: NOTICE,
  monitored: NOTICE,
  failed: { severityNumber: 13, severityText: 'WARN' }
}
const INFORMATIONAL = { severityNumber: 9, severityText: 'INFO' }

/** Fields with a name in the semantic conventions; all others are prefixed with `interdict.`. */
const SEMANTIC_NAMES: Readonly<Record<string, string>> = {
  client: 'client.address',
  device: 'device.id',
  qname: 'dns.question.name'
}
/** The time is a field of the LogRecord, the version that of the scope. */
const OMITTED = ['v', 'time']

const RESOURCE = [
  attribute('service.name', 'interdict'),
  attribute('service.version', packageVersion()),
  attribute('host.name', hostname())
]

/**
 * Encodes a lookup as a LogRecord of opentelemetry.proto.logs.v1 in JSON: docs/reference/outputs.md
 * has the mapping.
 */
export function logRecord(record: QueryRecord, format: RecordFormat): Buffer {
  const fields = Object.entries(record).filter(([name]) => !OMITTED.includes(name))
  const at = `${Date.parse(record.time)}000000`
  return Buffer.from(
    JSON.stringify({
      ...{ timeUnixNano: at, observedTimeUnixNano: at },
      ...(SEVERITY[record.verdict] ?? INFORMATIONAL),
      eventName: 'interdict.lookup',
      body: { stringValue: formatRecord(format, record) },
      attributes: [
        attribute('network.protocol.name', 'dns'),
        attribute('network.transport', transportOf(record.protocol)),
        ...fields.map(([name, value]) =>
          attribute(SEMANTIC_NAMES[name] ?? `interdict.${name}`, value as string | number)
        )
      ]
    })
  )
}

/** Encodes an ExportLogsServiceRequest. */
export function exportRequest(records: readonly Uint8Array[]): Buffer {
  const between = Buffer.from(',')
  const parts = records.flatMap((record, i) => (i === 0 ? [record] : [between, record]))
  return Buffer.concat([REQUEST_HEAD, ...parts, REQUEST_END])
}

const REQUEST_HEAD = Buffer.from(
  `{"resourceLogs":[{"resource":${JSON.stringify({ attributes: RESOURCE })},` +
    `"scopeLogs":[{"scope":${JSON.stringify({ name: 'interdict.query', version: String(SCHEMA_VERSION) })},"logRecords":[`
)
const REQUEST_END = Buffer.from(']}]}]}')

function attribute(key: string, value: string | number): Attribute {
  const isText = typeof value === 'string'
  return { key, value: isText ? { stringValue: value } : { intValue: String(value) } }
}
