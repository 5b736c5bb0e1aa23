import type { QueryRecord } from '../event/schema.js'

export type RecordFormat = 'interdict' | 'sentence' | 'ecs' | 'ocsf'

/** Formats a lookup as one line of text. */
export function formatRecord(format: RecordFormat, record: QueryRecord): string {
  switch (format) {
    case 'interdict':
      return JSON.stringify(record)
    case 'sentence':
      return toSentence(record)
    case 'ecs':
      return JSON.stringify(toEcs(record))
    case 'ocsf':
      return JSON.stringify(toOcsf(record))
  }
}

function toSentence(record: QueryRecord): string {
  const { client, device, qname, qtype, verdict, ban, block, exception, allow, app, rule } = record
  const id = ban ?? block ?? exception ?? allow
  const because = id === undefined ? '' : ` by ${id}${rule === undefined ? '' : ` (${rule})`}`
  return `${device ?? client ?? 'a client'} asked for ${qname} ${qtype}: ${verdict}${because}${app === undefined ? '' : `, app ${app}`}`
}

/** DNS over TLS and HTTPS run over TCP. */
export const transportOf = (protocol: string): string => (protocol === 'udp' ? 'udp' : 'tcp')

const isAddress = (client: string): boolean => /^[0-9.]+$|^[0-9a-f.]*:[0-9a-f:.]*$/.test(client)

/** Elastic Common Schema 8: docs/reference/outputs.md has the mapping. */
export function toEcs(record: QueryRecord): object {
  const { time, client, network, protocol, qname, qtype, rcode, verdict, us } = record
  const isBlocked = verdict === 'blocked'
  return {
    '@timestamp': time,
    ecs: { version: '8.11.0' },
    event: {
      ...{ kind: 'event', category: ['network'], module: 'interdict', dataset: 'interdict.query' },
      type: ['protocol', isBlocked ? 'denied' : 'allowed'],
      ...{ action: verdict, duration: us * 1000 },
      outcome: verdict === 'failed' ? 'failure' : 'success'
    },
    ...(record.device !== undefined && { device: { id: record.device } }),
    ...(client !== undefined && {
      client: { address: client, ...(isAddress(client) && { ip: client }) }
    }),
    network: {
      transport: transportOf(protocol),
      protocol: 'dns',
      ...(network && { name: network })
    },
    dns: {
      ...{ type: 'answer', question: { name: qname, type: qtype, class: 'IN' } },
      ...(rcode && { response_code: rcode })
    },
    ...(record.rule && {
      rule: {
        ...{ ruleset: network, id: record.ban ?? record.block ?? record.exception ?? record.allow },
        ...{ reference: record.rule, category: record.app ?? record.list }
      }
    }),
    interdict: record
  }
}

/** Severity and action of OCSF 1.3, by verdict: 1 Allowed, 2 Denied, 3 Observed. */
const ACTION: Readonly<Record<string, number>> = { blocked: 2, refused: 2, monitored: 3 }
const DISPOSITION: Readonly<Record<string, number>> = { blocked: 2, refused: 2, allowed: 1 }
const RCODES = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED']
const CLASS_DNS_ACTIVITY = 4003
const ACTIVITY_RESPONSE = 2

/** OCSF DNS Activity: docs/reference/outputs.md has the mapping. */
export function toOcsf(record: QueryRecord): object {
  const { time, client, network, protocol, qname, qtype, rcode, verdict, us } = record
  const at = Date.parse(time)
  const code = RCODES.indexOf(rcode ?? '')
  return {
    ...{ class_uid: CLASS_DNS_ACTIVITY, category_uid: 4, activity_id: ACTIVITY_RESPONSE },
    type_uid: CLASS_DNS_ACTIVITY * 100 + ACTIVITY_RESPONSE,
    ...{ severity_id: verdict === 'blocked' ? 2 : 1, time: at },
    ...{ action_id: ACTION[verdict] ?? 1, disposition_id: DISPOSITION[verdict] ?? 0 },
    ...{ duration: Math.round(us / 1000), status_id: verdict === 'failed' ? 2 : 1 },
    metadata: { version: '1.3.0', product: { name: 'Interdict', vendor_name: 'Interdict' } },
    src_endpoint: {
      ...(client !== undefined && (isAddress(client) ? { ip: client } : { name: client })),
      ...(record.device !== undefined && { uid: record.device }),
      ...(network && { zone: network })
    },
    connection_info: { protocol_name: transportOf(protocol) },
    query: { hostname: qname, type: qtype, class: 'IN' },
    ...(rcode && { rcode, rcode_id: code < 0 ? 99 : code }),
    ...(record.rule && {
      firewall_rule: {
        ...{ uid: record.ban ?? record.block ?? record.exception ?? record.allow },
        ...{ name: record.rule, type: record.app ?? record.list, match_location: record.match }
      }
    }),
    unmapped: record
  }
}
