import * as z from 'zod'
import { MS_PER_SECOND } from '../../base/units.js'
import { showName } from '../../wire/dns/name/name.js'
import { readPattern } from '../../policy/rules/model/pattern.js'
import { VERDICT } from '../../lookups/event/query-event.js'
import { readInstant } from '../../base/time/instant.js'
import type { RequestOf } from '../../gateway/processes/requests.js'
import { instant, paging, textOf } from './parameters.js'

const text = z.string().min(1).max(253)

/** A name pattern as rules write it. */
export const pattern = textOf('a domain name, =name or *.name', readPattern)

/** As `interdict report` takes it. */
const time = z
  .string()
  .regex(/^[0-9][0-9A-Za-z:.+-]{0,39}$/, 'a span such as 7d, a date, or a time')
export const period = {
  since: time.optional().describe('From this time on: 7d, 12h, a date, or a time (RFC 3339)'),
  until: time.optional().describe('Up to this time')
}

const verdicts = Object.keys(VERDICT) as [string, ...string[]]

/** Conditions of a search of the log: all must hold. */
export const lookup = z.strictObject({
  ...paging,
  since: instant.optional().describe('From this time on'),
  until: instant.optional().describe('Before this time'),
  network: text.optional().describe('Id of a network'),
  app: text.optional().describe('Id of an app'),
  ban: text.optional().describe('Id of a ban'),
  client: text
    .optional()
    .describe('As the log has it: an address, a prefix, a pseudonym, or the name of a device'),
  name: pattern.optional().describe('A name: a.example with all below it, =a.example, *.a.example'),
  type: text
    .regex(/^[A-Za-z0-9-]+$/, 'a query type')
    .optional()
    .describe('Query type'),
  verdict: z.enum(verdicts).optional().describe('Default: all')
})

/**
 * The request for a page of lookups, plus one to know whether there are more. Values are quoted literals: DuckDB
 * has no escapes in them except a doubled quote.
 */
export function searchOf({
  limit,
  offset,
  since,
  until,
  name,
  type,
  client,
  ...exact
}: z.output<typeof lookup>): RequestOf<'query'> {
  const conditions = [
    ...Object.entries(exact).flatMap(([column, value]) =>
      value === undefined ? [] : [`${column} = ${literal(value)}`]
    ),
    ...(client === undefined ? [] : [clientCondition(client)]),
    ...(type === undefined ? [] : [`qtype = ${literal(type.toUpperCase())}`]),
    ...(since === undefined ? [] : [`time >= ${timestamp(since)}`]),
    ...(until === undefined ? [] : [`time < ${timestamp(until)}`]),
    ...(name === undefined ? [] : [nameCondition(name)])
  ]
  const where = conditions.length === 0 ? undefined : conditions.join(' AND ')
  return { where, latest: limit + 1, skip: offset }
}

/** A name of a group stands for all of its devices. */
function clientCondition(text: string): string {
  const value = literal(text)
  return `(client = ${value} OR device = ${value} OR starts_with(device, ${literal(`${text}/`)}))`
}

const literal = (value: string): string => `'${value.replaceAll("'", "''")}'`

function timestamp(text: string): string {
  const at = new Date(readInstant(text, 'UTC')! * MS_PER_SECOND)
  return `TIMESTAMP ${literal(at.toISOString().slice(0, 19).replace('T', ' '))}`
}

function nameCondition(text: string): string {
  const { name, cover } = readPattern(text)!
  const shown = showName(name)
  // Names in the log are in lower case, as the recorder writes them.
  const isIt = `qname = ${literal(shown)}`
  const isBelow = `ends_with(qname, ${literal(`.${shown}`)})`
  return { exact: isIt, below: isBelow, suffix: `(${isIt} OR ${isBelow})` }[cover]
}
