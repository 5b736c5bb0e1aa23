import * as z from 'zod'
import { idSchema } from '../rules/schema/app-schema.js'
import type { YamlValue } from '../yaml/insert-yaml.js'

/** What can be added to rules by command or form. */
export const EDIT_KINDS = ['ban', 'exception', 'allow', 'block', 'list', 'record'] as const
export type EditKind = (typeof EDIT_KINDS)[number]

/** A line break or another control character could hide what is added. */
const line = z
  .string()
  .max(1_000, 'at most 1,000 characters')
  .regex(/^\P{Cc}*$/u, 'a text on one line')

const MAX_ITEMS = 200
const MAX_DEPTH = 4

const valueAt = (depth: number): z.ZodType<YamlValue> =>
  depth === 0
    ? z.union([line, z.number(), z.boolean()])
    : z.union([
        line,
        z.number(),
        z.boolean(),
        z.array(valueAt(depth - 1)).max(MAX_ITEMS),
        z.record(line, valueAt(depth - 1))
      ])

/** Something that is added to `networks.yaml`: the keys of `values` are those of the file. */
export const policyEditSchema = z.strictObject({
  kind: z.enum(EDIT_KINDS),
  network: idSchema.optional().describe('Of a rule; of a record: all networks without it'),
  id: idSchema.optional().describe('Of a list'),
  values: z
    .record(line, valueAt(MAX_DEPTH))
    .describe('Keys as in networks.yaml. `until` may be a weekday, or a number of days such as 7d'),
  comment: line.min(1).optional().describe('Written above it')
})

export type PolicyEdit = z.output<typeof policyEditSchema>

/** Of one request or draft. */
export const MAX_EDITS = 20
