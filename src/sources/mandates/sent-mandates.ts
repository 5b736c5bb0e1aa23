import * as z from 'zod'
import { storedSchema } from './mandate-store.js'

const schema = z.strictObject({
  v: z.literal(1),
  /** Whether the settings of the gateway name mandates. */
  ordered: z.boolean(),
  /** With the SHA-256 of each file; null: the gateway could not read it. */
  mandates: z.array(storedSchema.extend({ file: z.string().nullable() }))
})

/** What the centre of a fleet knows of the mandates of a gateway. */
export type SentMandates = z.output<typeof schema>

/** @returns undefined: the text is something else */
export function parseSentMandates(text: string): SentMandates | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}
