import * as z from 'zod'
import { readAddress } from '../../base/address.js'
import { parsedString } from '../../yaml/parsed-string.js'
import { idSchema, textSchema } from './app-schema.js'

/** What a row of a table may say, in the order in which people are told of them. */
export const COLUMNS = [
  ...(['client', 'name', 'type', 'protocol', 'at'] as const),
  ...(['expect', 'rule', 'app', 'list', 'ede', 'network'] as const)
] as const
export type Column = (typeof COLUMNS)[number]

/** Nothing (`~`) in a cell: the row does not say. */
const cell = textSchema.nullable()

/** One table. What is the same in all of its rows stands beside them. */
const table = z.strictObject({
  title: textSchema,
  columns: z.array(z.enum(COLUMNS)).min(1).default(['client', 'name', 'expect']),
  rows: z.array(z.array(cell)).min(1),
  client: cell.optional(),
  name: cell.optional(),
  type: cell.optional(),
  protocol: cell.optional(),
  at: cell.optional(),
  expect: cell.optional(),
  rule: cell.optional(),
  app: cell.optional(),
  list: cell.optional(),
  ede: cell.optional(),
  network: cell.optional()
})

/** `tests/*.yaml`: `docs/guides/policy-tests.md` says what each key means. */
export const policyTestsSchema = z.strictObject({
  clients: z.record(idSchema, parsedString('an IP address', readAddress)).default({}),
  tests: z.array(table).min(1)
})

export type PolicyTestsFile = z.output<typeof policyTestsSchema>
export type PolicyTable = PolicyTestsFile['tests'][number]

/**
 * What a test expects to become of a query.
 *
 * `blocked`   any action; the name of an action: that one
 * `passes`    `forwarded`, `allowed` or `monitored`: the client notices nothing
 * `forwarded` no rule speaks
 * `allowed`   an exception or an allow lets it through
 * `monitored` a rule in monitor mode would have blocked it
 * `local`     a special-use name, answered here
 * `refused`   REFUSED, by the action or since the client is in no network
 */
export const EXPECTED = [
  ...(['blocked', 'passes', 'forwarded', 'allowed', 'monitored', 'local'] as const),
  ...(['nxdomain', 'nodata', 'refused', 'null', 'sinkhole', 'cname', 'drop', 'truncate'] as const)
] as const
export type Expected = (typeof EXPECTED)[number]

/** What a row looks at. */
export interface Expectation extends Partial<
  Record<'rule' | 'app' | 'list' | 'ede' | 'network', string>
> {
  readonly expect: Expected
}
