import * as z from 'zod'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import { VERDICT } from '../../lookups/event/query-event.js'
import { filterConditions } from '../../lookups/sql/filter-condition.js'
import { timeConditions } from '../../lookups/sql/time-range.js'
import {
  DNSSEC_VERDICTS,
  FILTER_TEXTS,
  includesOwn,
  LOOKUP_FILTERS,
  TRANSPORTS,
  type LookupFilter
} from '../../lookups/sql/lookup-filters.js'
import { readPattern } from '../../policy/rules/model/pattern.js'
import { readRrtype } from '../../wire/dns/registry/rrtype.js'
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

const VALUES: Readonly<Record<LookupFilter, z.ZodType<string, string>>> = {
  ...{ client: text, device: text, network: text, app: text, list: text, ban: text },
  verdict: z.enum([...Object.keys(VERDICT), 'all']),
  dnssec: z.enum(DNSSEC_VERDICTS),
  transport: z.enum(TRANSPORTS),
  name: pattern,
  type: textOf('a query type such as AAAA or TYPE65280', readRrtype)
}

/** One value, or several: `network=a&network=b`. */
function many<S extends z.ZodType<string, string>>(value: S) {
  const list = (found: unknown): unknown => (typeof found === 'string' ? [found] : found)
  return z.preprocess(list, z.array(value).min(1).max(32).optional())
}

type FilterSchemas = Readonly<Record<LookupFilter, ReturnType<typeof many>>>

/** All filters for lookups as parameters, each several times if need be. */
export const filters = Object.fromEntries(
  LOOKUP_FILTERS.map(filter => [
    filter,
    many(VALUES[filter]).describe(`Only ${FILTER_TEXTS[filter]}`)
  ])
) as FilterSchemas

const once = (filter: LookupFilter) =>
  VALUES[filter].optional().describe(`Only lookups with one of these: ${FILTER_TEXTS[filter]}`)

/** The same for reports, which take one value of some. */
export const reportFilters = {
  ...filters,
  ...{ client: once('client'), network: once('network'), app: once('app'), ban: once('ban') },
  name: once('name')
}

/** Conditions on lookups: all must hold. */
export const lookupConditions = {
  since: instant.optional().describe('From this time on'),
  until: instant.optional().describe('Before this time'),
  ...filters
}

/** A search of the log. */
export const lookup = z.strictObject({ ...paging, ...lookupConditions })
type LookupConditions = Omit<z.output<typeof lookup>, 'limit' | 'offset'>

/** The request for a page of lookups, plus one to know whether there are more. */
export function searchOf({
  limit,
  offset,
  since,
  until,
  ...filters
}: z.output<typeof lookup>): RequestOf<'query'> {
  return { ...conditionsOf({ since, until, ...filters }), latest: limit + 1, skip: offset }
}

/** The request for all lookups that match, but for its format. */
export const exportOf = (conditions: LookupConditions): Omit<RequestOf<'export'>, 'format'> =>
  conditionsOf(conditions)

/** The request for lookups that match: SQL of the conditions, and the days that need be read. */
function conditionsOf({ since, until, ...filters }: LookupConditions) {
  const period = { since: millisecondsOf(since), until: millisecondsOf(until) }
  const conditions = [...filterConditions(filters), ...timeConditions(period)]
  const where = conditions.length === 0 ? undefined : conditions.join(' AND ')
  const probes = includesOwn(filters.verdict) ? { probes: true } : {}
  const limits = since === undefined && until === undefined ? {} : { period }
  return { filters: where, ...limits, ...probes }
}

/** Of a parameter that `instant` accepts. */
export function millisecondsOf(text: string): Milliseconds
export function millisecondsOf(text: string | undefined): Milliseconds | undefined
export function millisecondsOf(text: string | undefined): Milliseconds | undefined {
  return text === undefined ? undefined : readInstant(text, 'UTC')! * MS_PER_SECOND
}
