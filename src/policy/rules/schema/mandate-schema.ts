import * as z from 'zod'
import { DAY, INSTANT } from '../../../base/time/instant.js'
import { sentence } from '../../yaml/issues.js'
import { parsedString } from '../../yaml/parsed-string.js'
import { patternSchema } from '../model/pattern.js'
import { idSchema, prefixSchema, textSchema } from './app-schema.js'
import { timeZoneSchema } from './schedule-schema.js'

const url = parsedString('a URL such as https://…', text =>
  /^https?:\/\/[!-~]+$/.test(text) && URL.canParse(text) ? text : undefined
)

/** The decision: its title, and where it can be read. */
const reference = z.union([
  textSchema.transform(title => ({ title, url: undefined })),
  z.strictObject({ title: textSchema, url })
])

const ban = z
  .strictObject({
    apps: z.array(idSchema).default([]),
    names: z.array(patternSchema).default([]),
    except: z.array(patternSchema).default([]),
    networks: z.union([z.literal('all'), z.array(idSchema)]).default([]),
    prefixes: z.array(prefixSchema).default([]),
    from: z.string(INSTANT).optional(),
    until: z.string(INSTANT).optional(),
    'last-day': z.string(DAY).optional(),
    exceptions: z.enum(['none', 'allowed']).default('none')
  })
  .refine(
    it => it.apps.length + it.names.length > 0,
    sentence('expected apps, names or both: what must be banned')
  )
  .refine(
    it => it.networks.length + it.prefixes.length > 0,
    sentence('expected networks, prefixes or both: where it must be banned')
  )
  .refine(
    it => it.until === undefined || it['last-day'] === undefined,
    sentence('expected until or last-day, not both')
  )

/** Schema of a mandate; `docs/guides/mandates.md` describes each key. */
export const mandateSchema = z.strictObject({
  mandate: idSchema,
  issued: z.string(INSTANT),
  authority: textSchema,
  reference,
  'time-zone': timeZoneSchema.default('UTC'),
  bans: z.array(ban)
})

export type MandateEntry = z.output<typeof mandateSchema>
