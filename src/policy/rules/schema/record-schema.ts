import * as z from 'zod'
import { readName } from '../../../wire/dns/name/name.js'
import { readRrtype, RRTYPE } from '../../../wire/dns/registry/rrtype.js'
import { sentence } from '../../yaml/issues.js'
import { parsedString } from '../../yaml/parsed-string.js'
import { wholeSeconds } from '../../yaml/quantity.js'
import { textSchema } from './app-schema.js'

/** Types with a key of their own in `records`. */
export const RECORD_KEYS = {
  a: RRTYPE.A,
  aaaa: RRTYPE.AAAA,
  cname: RRTYPE.CNAME,
  ptr: RRTYPE.PTR,
  txt: RRTYPE.TXT,
  mx: RRTYPE.MX,
  srv: RRTYPE.SRV,
  ns: RRTYPE.NS,
  https: RRTYPE.HTTPS,
  svcb: RRTYPE.SVCB,
  caa: RRTYPE.CAA,
  naptr: RRTYPE.NAPTR,
  tlsa: RRTYPE.TLSA,
  ds: RRTYPE.DS,
  hinfo: RRTYPE.HINFO,
  soa: RRTYPE.SOA
} as const satisfies Readonly<Record<string, number>>

export type RecordKey = keyof typeof RECORD_KEYS

/** Types that are no data of a name: OPT, and those of queries and transactions. RFC 6895 §3.1. */
function isMeta(type: number): boolean {
  return type === 0 || type === RRTYPE.OPT || (type >= 128 && type <= 255)
}

/** Reads the name of a type that records may have; undefined for any other text. */
export function readRecordType(text: string): number | undefined {
  const type = readRrtype(text)
  return type === undefined || isMeta(type) ? undefined : type
}

/** RDATA as in a zone file, of one record or of several. */
const rdata = z.union([textSchema.transform(text => [text]), z.array(textSchema).min(1)])
const ttl = wholeSeconds('0s', '7d')
const name = parsedString('a domain name such as printer.site.example', readName)
const typeName = z.string().refine(text => readRecordType(text) !== undefined, {
  message: 'expected a record type such as TYPE44'
})

const keys = Object.keys(RECORD_KEYS) as readonly RecordKey[]
const rdataKeys = Object.fromEntries(keys.map(key => [key, rdata.optional()])) as Record<
  RecordKey,
  z.ZodOptional<typeof rdata>
>

export const recordSchema = z
  .strictObject({
    name,
    ttl: ttl.optional(),
    reverse: z.boolean().optional(),
    ...rdataKeys,
    other: z.record(typeName, rdata).optional()
  })
  .refine(it => it.other !== undefined || keys.some(key => it[key] !== undefined), {
    ...sentence('expected at least one record, such as a: 192.0.2.1'),
    // An unknown key may be what was meant.
    when: ({ issues }) => issues.length === 0
  })

export const recordFileSchema = z.strictObject({
  file: textSchema,
  format: z.enum(['hosts', 'zone']),
  origin: name.optional(),
  ttl: ttl.optional(),
  reverse: z.boolean().optional()
})

export const recordZoneSchema = z.strictObject({
  name,
  type: z.enum(['static', 'transparent', 'redirect']).default('static')
})

export type RecordEntry = z.output<typeof recordSchema>
export type RecordFileEntry = z.output<typeof recordFileSchema>
export type RecordZoneEntry = z.output<typeof recordZoneSchema>

/** The keys of local data, of a network and of `defaults`. */
export interface RecordEntries {
  readonly records: readonly RecordEntry[]
  readonly 'record-files': readonly RecordFileEntry[]
  readonly zones: readonly RecordZoneEntry[]
}
