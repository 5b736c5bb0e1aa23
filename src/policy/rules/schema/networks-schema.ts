import * as z from 'zod'
import { readAddress, isMapped } from '../../../base/values/address.js'
import { readName } from '../../../wire/dns/name/name.js'
import { readTrustAnchor } from '../../../wire/dnssec/trust-anchor.js'
import { sentence } from '../../yaml/issues.js'
import { parsedString } from '../../yaml/parsed-string.js'
import { wholeSeconds } from '../../yaml/quantity.js'
import { listEntrySchema } from './list-entry-schema.js'
import { patternSchema } from '../model/pattern.js'
import { DAY, INSTANT } from '../../../base/time/instant.js'
import { addressSchema, idSchema, prefixSchema, textSchema } from './app-schema.js'
import { authoritySchema, clientSchema } from './clients-schema.js'
import {
  banExplainSchema,
  blockExplainSchema,
  defaultExplainSchema,
  languageSchema,
  translatedTextSchema,
  type ExplainEntry
} from './explain-schema.js'
import { dns64Schema } from './dns64-schema.js'
import { forwardSchema } from './forward-schema.js'
import { recordFileSchema, recordSchema, recordZoneSchema } from './record-schema.js'
import { scheduleSchema, timeZoneSchema } from './schedule-schema.js'

/** Schema of `networks.yaml`; `docs/reference/rules.md` describes each key. */

const ipv4 = parsedString('an IPv4 address', text => {
  const address = readAddress(text)
  return isMapped(address) ? address : undefined
})
const ipv6 = parsedString('an IPv6 address', text => {
  const address = readAddress(text)
  return isMapped(address) ? undefined : address
})
const sinkhole = z
  .strictObject({ ipv4: ipv4.optional(), ipv6: ipv6.optional() })
  .refine(
    it => it.ipv4 !== undefined || it.ipv6 !== undefined,
    sentence('expected ipv4, ipv6 or both')
  )

const BLANK_ACTION =
  'blank or null; write null-address for 0.0.0.0 and ::, another action, or omit the key'
const action = z.preprocess(
  (value, context) => {
    // YAML reads a blank value and an unquoted `null` alike. Neither says what clients receive.
    if (value === null) context.addIssue({ code: 'custom', ...sentence(BLANK_ACTION) })
    return value === null ? z.NEVER : value
  },
  z.enum([
    ...(['nxdomain', 'nodata', 'refused', 'null-address'] as const),
    ...(['sinkhole', 'cname', 'drop', 'truncate'] as const)
  ])
)
const ttl = wholeSeconds('0s', '1d')
/** Parsed later, when the time zone is known. */
const instant = z.string(INSTANT)

/** Shared: with a list of their own for each key that is not written, 200,000 rules would have a million. */
const NONE: never[] = []

const nameSchema = parsedString('a domain name', text => {
  return { text, name: readName(text) }
})

/** A list, empty by default. */
const listOf = <S extends z.ZodType>(item: S) => z.array(item).default(() => NONE)

/** What a rule matches, and when: at least one kind of names. */
const matchFields = {
  id: textSchema.optional(),
  apps: listOf(idSchema),
  vendors: listOf(textSchema),
  names: listOf(patternSchema),
  lists: listOf(idSchema),
  addresses: listOf(addressSchema),
  from: instant.optional(),
  until: instant.optional(),
  'last-day': z.string(DAY).optional(),
  schedule: scheduleSchema.optional()
}

/** The reason for names that are too broad. */
const force = textSchema.optional()

/** What clients receive. */
const reply = {
  action: action.optional(),
  sinkhole: sinkhole.optional(),
  target: parsedString('a domain name', readName).optional(),
  ede: z.enum(['blocked', 'censored', 'filtered']).default('blocked'),
  ttl: ttl.optional(),
  explain: blockExplainSchema.optional(),
  mode: z.enum(['enforce', 'monitor']).default('enforce')
}

/** The decision behind a rule: its title, and where it can be read. */
const reference = z.union([
  textSchema.transform(title => ({ title, url: undefined })),
  z.strictObject({ title: textSchema, url: parsedString('a URL such as https://…', readUrl) })
])

/** An HTTP URL, printable ASCII only so that it is safe in terminals and browsers. */
function readUrl(text: string): string | undefined {
  return /^https?:\/\/[!-~]+$/.test(text) && URL.canParse(text) ? text : undefined
}

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null

/** `until` and `last-day` say the same. */
const hasOneEnd = (it: { until?: string | undefined; 'last-day'?: string | undefined }) =>
  it.until === undefined || it['last-day'] === undefined
const ONE_END = sentence('expected until or last-day, not both')

const ban = z
  .strictObject({
    ...matchFields,
    except: listOf(patternSchema),
    force,
    ...reply,
    explain: banExplainSchema.optional(),
    authority: textSchema,
    reference,
    'legal-basis': textSchema.optional(),
    owner: textSchema.optional(),
    review: instant.optional()
  })
  .refine(hasOneEnd, ONE_END)

const exception = z
  .strictObject({
    ...matchFields,
    force,
    prefixes: z.array(prefixSchema).min(1).optional(),
    purpose: textSchema,
    'approved-by': textSchema,
    reference: reference.optional(),
    from: instant
  })
  .refine(hasOneEnd, ONE_END)
  .refine(
    it => it.until !== undefined || it['last-day'] !== undefined,
    // Beside other missing keys.
    { ...sentence('missing; expected until or last-day'), when: ({ value }) => isObject(value) }
  )

/** A negative trust anchor. RFC 7646 */
const dnssecException = z
  .strictObject({
    name: nameSchema.refine(
      ({ name }) => name.length > 1,
      sentence('the root would end all validation; write dnssec: off for the networks')
    ),
    purpose: textSchema,
    'approved-by': textSchema,
    reference: reference.optional(),
    from: instant,
    until: instant.optional(),
    'last-day': z.string(DAY).optional()
  })
  .refine(hasOneEnd, ONE_END)
  .refine(it => it.until !== undefined || it['last-day'] !== undefined, {
    ...sentence('missing; expected until or last-day'),
    when: ({ value }) => isObject(value)
  })

/** As in the settings, in zone file format. */
const trustAnchor = parsedString(
  'a trust anchor such as corp.example DS 12345 13 2 DIGEST',
  text => {
    readTrustAnchor(text)
    return text
  }
)

/** Names that are not validated for a while, and keys that are trusted, whatever the networks say. */
const dnssec = z.strictObject({
  'max-days': z.int().min(1).max(366).default(30),
  exceptions: listOf(dnssecException),
  'trust-anchors': z
    .array(trustAnchor)
    .max(1000)
    .default(() => [])
})

/** Limits of exceptions; by default any purpose, at most a year, and a quarter of a network. */
const exceptions = z.strictObject({
  purposes: z.array(textSchema).min(1).optional(),
  'max-days': z.int().min(1).max(3660).default(366),
  'max-share': z.int().min(1).max(90).default(25)
})

const allow = z.strictObject(matchFields).refine(hasOneEnd, ONE_END)
const block = z.strictObject({ ...matchFields, force, ...reply }).refine(hasOneEnd, ONE_END)

/** Names that are answered here. */
const localData = {
  records: listOf(recordSchema),
  'record-files': listOf(recordFileSchema),
  zones: listOf(recordZoneSchema)
}

const network = z.strictObject({
  description: textSchema.optional(),
  title: translatedTextSchema.optional(),
  prefixes: listOf(prefixSchema),
  ech: z.enum(['pass', 'strip', 'hide-https']).optional(),
  dnssec: z.enum(['off', 'observe', 'enforce']).optional(),
  egress: z.enum(['off', 'observe', 'deny']).optional(),
  forward: forwardSchema.optional(),
  dns64: dns64Schema.optional(),
  language: languageSchema.optional(),
  extends: z.union([idSchema.transform(id => [id]), z.array(idSchema)]).default(() => NONE),
  bans: listOf(ban),
  exceptions: listOf(exception),
  allow: listOf(z.union([patternSchema, allow])),
  block: listOf(z.union([patternSchema, block])),
  ...localData
})

const defaults = z.strictObject({
  action: action.default('nxdomain'),
  ttl: ttl.prefault('60s'),
  sinkhole: sinkhole.optional(),
  'time-zone': timeZoneSchema.default('UTC'),
  dns64: dns64Schema.default('off'),
  language: languageSchema.default('en'),
  explain: defaultExplainSchema.optional(),
  register: parsedString('a URL such as https://bans.example.org/', readUrl)
    .transform(url => (url.endsWith('/') ? url : `${url}/`))
    .optional(),
  ...localData
})

/** The networks in which an app or list is meant to be banned. */
const scope = z.union([z.literal('all'), z.array(idSchema).min(1)], {
  error: 'all, or a list of ids of networks'
})

/** The probe asks for each of them as a client of each network. */
const MAX_MUST_RESOLVE = 50
/** A mapping that may be empty, as when all its entries are commented out. */
const orEmpty = <S extends z.ZodType>(schema: S) =>
  z.preprocess((value: unknown) => value ?? {}, schema)

export const networksSchema = z.strictObject({
  defaults: orEmpty(defaults).prefault({}),
  exceptions: orEmpty(exceptions).prefault({}),
  dnssec: orEmpty(dnssec).prefault({}),
  networks: z.record(idSchema, orEmpty(network)),
  'client-authorities': orEmpty(z.record(idSchema, authoritySchema)).prefault({}),
  clients: orEmpty(z.record(idSchema, clientSchema)).prefault({}),
  lists: orEmpty(z.record(idSchema, listEntrySchema)).prefault({}),
  scope: orEmpty(z.record(idSchema, scope)).prefault({}),
  'must-resolve': z
    .array(nameSchema)
    .max(MAX_MUST_RESOLVE)
    .default(() => NONE)
})

export type NetworksFile = z.output<typeof networksSchema>
export type NetworkEntry = NetworksFile['networks'][string]
export type BanEntry = z.output<typeof ban>
export type ExceptionEntry = z.output<typeof exception>
export type AllowEntry = z.output<typeof allow>
export type BlockEntry = z.output<typeof block>
export type ListEntry = z.output<typeof listEntrySchema>
export type Defaults = NetworksFile['defaults']
export type ExceptionLimits = NetworksFile['exceptions']
/** The keys of every kind of rule. */
export type MatchEntry = AllowEntry
/** The keys of rules with a reply. */
export type ReplyEntry = Omit<Pick<BlockEntry, keyof typeof reply>, 'explain'> & {
  readonly explain?: ExplainEntry | undefined
}

/** Rules for the plain names of an `allow` or `block` list. */
export const PLAIN_ALLOW: AllowEntry = allow.parse({})
export const PLAIN_BLOCK: BlockEntry = block.parse({})
