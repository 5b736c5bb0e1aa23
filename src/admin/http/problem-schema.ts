import * as z from 'zod'

/** The schema of `Problem`. */
export const problemSchema = z.object({
  type: z.literal('about:blank'),
  title: z.string().describe('Text of the status code'),
  status: z.int(),
  code: z.string().describe('Stable code of the error, see docs/reference/errors.md'),
  detail: z.string(),
  errors: z
    .array(z.object({ path: z.string(), problem: z.string() }))
    .readonly()
    .optional()
    .describe('What is wrong with single values of the request')
})
