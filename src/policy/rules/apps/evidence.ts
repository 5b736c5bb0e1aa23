import * as z from 'zod'
import { readYaml, type YamlResult } from '../../yaml/read.js'
import { daySchema, idSchema, textSchema } from '../schema/app-schema.js'

/** `evidence.yaml`: the sources behind the `evidence` tags of app files. For display only. */
export const evidenceSchema = z.strictObject({
  sources: z.record(
    idSchema,
    z.strictObject({
      publisher: textSchema,
      path: textSchema.optional(),
      commit: textSchema.optional(),
      date: daySchema.optional(),
      family: idSchema
    })
  )
})

export type Evidence = z.output<typeof evidenceSchema>

export function readEvidence(octets: Uint8Array, shown: string): YamlResult<Evidence> {
  return readYaml(octets, shown, evidenceSchema)
}
