import * as z from 'zod'
import { prefixHint, readPrefix } from '../../../base/values/address.js'
import { parsedString } from '../../yaml/parsed-string.js'
import { patternSchema } from '../model/pattern.js'
import { dateHint } from '../../../base/time/date-hint.js'
import { readInstant } from '../../../base/time/instant.js'

export const idSchema = z
  .string('an ID of a-z, 0-9 and -')
  .regex(/^[a-z0-9][a-z0-9-]*$/, 'an ID of a-z, 0-9 and -')
export const textSchema = z.string().trim().min(1, 'a string that is not empty')
export const prefixSchema = parsedString(
  'an address such as 10.1.2.3, or a prefix such as 10.1.0.0/16',
  readPrefix,
  prefixHint
)

const ASN = 'a number from 1 to 4294967294'

/** A prefix, or an autonomous system: all of its prefixes. */
export const addressSchema = z.union([
  prefixSchema,
  z.strictObject({ asn: z.int(ASN).min(1, ASN).max(0xffff_fffe, ASN) })
])
export type AddressEntry = z.output<typeof addressSchema>

const DAY = 'a day such as 2026-11-25, or a month such as 2026-11'
export const daySchema = parsedString(
  DAY,
  text => {
    const day = /^\d{4}-\d\d$/.test(text) ? `${text}-01` : text
    return day.length === 10 && readInstant(day, 'UTC') !== undefined ? text : undefined
  },
  dateHint
)

export const ROLES = ['app', 'api', 'cdn', 'telemetry', 'web', 'shared'] as const
const CONFIDENCES = ['high', 'medium', 'low'] as const
export const KINDS = ['app', 'shared', 'bypass'] as const

/** A plain name, or a name with facts about it. */
const nameSchema = z.union([
  patternSchema.transform(name => ({ name })),
  z.strictObject({
    name: patternSchema,
    role: z.enum(ROLES).optional(),
    confidence: z.enum(CONFIDENCES).optional(),
    'first-seen': daySchema.optional(),
    evidence: z.array(textSchema).optional(),
    note: textSchema.optional(),
    force: textSchema.optional()
  })
])

/** An app file: `docs/reference/rules.md`, "Apps". Most facts are for those who review a ban. */
export const appSchema = z.strictObject({
  app: idSchema,
  title: textSchema,
  kind: z.enum(KINDS).default('app'),
  vendor: textSchema.optional(),
  country: z
    .string()
    .regex(/^[A-Z]{2}$/, 'two letters such as BE')
    .optional(),
  successor: idSchema.optional(),
  description: textSchema.optional(),
  'pairs-with': z.array(idSchema).default([]),
  collateral: z.array(textSchema).optional(),
  names: z.array(nameSchema).default([]),
  'shared-names': z.array(nameSchema).default([]),
  addresses: z.array(addressSchema).default([])
})

/** The content of an app file. */
export type AppEntry = z.output<typeof appSchema>
export type AppName = Extract<AppEntry['names'][number], { note?: unknown }>
