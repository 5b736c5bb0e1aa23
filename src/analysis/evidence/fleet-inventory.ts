import * as z from 'zod'

const inventorySchema = z.object({
  gateways: z.array(
    z.object({
      name: z.string(),
      state: z.enum(['running', 'behind', 'refusing', 'silent', 'unseen']),
      contact: z.iso.datetime().nullable()
    })
  )
})

/** All gateways that a fleet should have, as its hub knows them. */
export interface FleetInventory {
  readonly text: string
  readonly gateways: ReadonlyMap<string, z.output<typeof inventorySchema>['gateways'][number]>
}

/** Parses what `interdict fleet status --gateways --json` printed. Throws an error that says what is wrong. */
export function parseInventory(text: string): FleetInventory {
  const read = inventorySchema.safeParse(JSON.parse(text))
  if (!read.success) throw new Error(z.prettifyError(read.error))
  return { text, gateways: new Map(read.data.gateways.map(one => [one.name, one])) }
}
