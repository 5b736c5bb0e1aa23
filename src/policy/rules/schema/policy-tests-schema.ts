import * as z from 'zod'
import { readAddress } from '../../../base/values/address.js'
import { parsedString } from '../../yaml/parsed-string.js'
import { idSchema, textSchema } from './app-schema.js'

/** Columns of a test table, in the order of output. */
export const COLUMNS = [
  ...(['client', 'name', 'type', 'protocol', 'at'] as const),
  ...(['expect', 'rule', 'app', 'list', 'ede', 'network'] as const)
] as const
export type Column = (typeof COLUMNS)[number]

/** Null (`~`): not specified. */
const cell = textSchema.nullable()

/** One table; keys beside `rows` apply to all rows. */
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

/** Schema of `tests/*.yaml`; `docs/guides/policy-tests.md` describes each key. */
export const policyTestsSchema = z.strictObject({
  clients: z.record(idSchema, parsedString('an IP address', readAddress)).default({}),
  tests: z.array(table).min(1)
})

export type PolicyTestsFile = z.output<typeof policyTestsSchema>
export type PolicyTable = PolicyTestsFile['tests'][number]

/**
 * Expected results of a policy test.
 *
 * `blocked`   with any action; or the name of one action
 * `passes`    `forwarded`, `allowed` or `monitored`: the client notices nothing
 * `forwarded` no rule matches
 * `allowed`   an exception or an allow matches
 * `monitored` a rule in monitor mode would have blocked it
 * `local`     a special-use name, answered locally
 * `refused`   REFUSED, by the action or as the client is in no network
 */
export const EXPECTED = [
  ...(['blocked', 'passes', 'forwarded', 'allowed', 'monitored', 'local'] as const),
  ...([
    'nxdomain',
    'nodata',
    'refused',
    'null-address',
    'sinkhole',
    'cname',
    'drop',
    'truncate'
  ] as const)
] as const
export type Expected = (typeof EXPECTED)[number]

/** What a row checks. */
export interface Expectation extends Partial<
  Record<'rule' | 'app' | 'list' | 'ede' | 'network', string>
> {
  readonly expect: Expected
}
