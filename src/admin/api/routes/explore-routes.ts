import { includesOwn } from '../../../lookups/sql/lookup-filters.js'
import * as z from 'zod'
import { failure } from '../../../base/errors/error.js'
import { MS_PER_DAY, MS_PER_SECOND, type Milliseconds } from '../../../base/units.js'
import {
  effectDays,
  effectSql,
  entriesSql,
  MAX_ENTRIES,
  readEffect
} from '../../../analysis/explore/ban-effect.js'
import {
  bucketsOf,
  GROUP_KEYS,
  groupsSql,
  readGroups,
  type GroupsQuery,
  type LookupGroups
} from '../../../analysis/explore/lookup-groups.js'
import {
  compareHours,
  hoursRead,
  hoursSql,
  MIN_WEEKS,
  type HoursQuery
} from '../../../analysis/explore/unusual-hours.js'
import { filterConditions } from '../../../lookups/sql/filter-condition.js'
import { filters, millisecondsOf } from '../log-questions.js'
import { instant } from '../parameters.js'
import { defineRoute, type RouteContext } from '../route.js'

const count = z.int()
const nullable = z.number().nullable()
const time = z.string().nullable()
const from = (least: number, most: number) =>
  z.coerce.number<string>('a whole number').int('a whole number').min(least).max(most)

const sums = {
  lookups: count,
  blocked: count,
  monitored: count,
  allowed: count,
  clients: count.describe('Different ones, as the log has them: see privacy'),
  names: count,
  first: time.describe('Null: there is none'),
  last: time
}
const counts = z.array(count).describe('Lookups in each bucket')

const groups = z.object({
  since: z.string(),
  until: z.string(),
  start: z.string().describe('When the first bucket begins'),
  width: count.describe('Seconds of a bucket'),
  all: z.object({ ...sums, counts, blockedCounts: counts }),
  groups: z.array(z.object({ key: z.string(), ...sums, counts })).describe('The largest first'),
  without: count.describe('Lookups that have no value for the key'),
  privacy: z
    .array(z.string())
    .describe('How clients are logged that are not in full: prefix, pseudonym, none')
})

const hour = z.object({
  at: z.string().describe('When it began'),
  lookups: count,
  weeks: count.describe('Earlier weeks that the log knows of'),
  mean: nullable.describe('Of the same weekday and hour in these; null: not known'),
  spread: nullable.describe('Standard deviation'),
  unusual: z.enum(['more', 'fewer']).nullable()
})

const day = z.object({
  at: z.string().describe('When it began'),
  weekday: count.describe('1 is Monday'),
  answered: count.nullable().describe('Lookups that were not blocked; null: not known'),
  blocked: count.nullable(),
  clients: count.nullable()
})

const common = { method: 'GET', tag: 'log', scope: 'read', job: true } as const
const errors = { API_BUSY: 503, API_COMMAND_TIME: 503, API_COMMAND: 500 } as const

/** Runs a SELECT that has no text of the client but literals of its filters. */
const select = (
  { command }: Pick<RouteContext, 'command'>,
  sql: string
): Promise<readonly Readonly<Record<string, unknown>>[]> => command('query', { sql })

const timeZoneOf = async ({ services }: Pick<RouteContext, 'services'>): Promise<string> =>
  (await services.rules()).rules.timeZone

export const exploreRoutes = [
  defineRoute({
    ...common,
    path: '/lookups/groups',
    id: 'groupLookups',
    summary: 'Lookups counted by a key and over time',
    description:
      'The largest groups, with counts in at most 400 buckets, that begin at whole hours and days of the time zone of the rules.',
    query: z.strictObject({
      by: z
        .enum(GROUP_KEYS)
        .describe('Key; `entry` is the name or prefix that matched, and its position'),
      since: instant.optional().describe('From this time on; default: 24 hours before the end'),
      until: instant.optional().describe('Before this time; default: now'),
      width: from(60, 364 * 86_400)
        .optional()
        .describe('Seconds of a bucket; wider ones are chosen if there would be more than 400'),
      top: from(1, 50).default(10).describe('Number of groups'),
      ...filters
    }),
    response: groups,
    rowsRead: result => (result as LookupGroups).groups.length,
    errors: { ...errors, API_REQUEST: 400 },
    handler: async ({ query }, context) => {
      const { by, top, width, since, until, ...chosen } = query
      const asked: GroupsQuery = {
        ...{ ...periodOf(since, until), by, top, width },
        conditions: filterConditions(chosen),
        probes: includesOwn(chosen.verdict),
        timeZone: await timeZoneOf(context)
      }
      const buckets = bucketsOf(asked)
      return readGroups(await select(context, groupsSql(asked, buckets)), asked, buckets)
    }
  }),
  defineRoute({
    ...common,
    path: '/lookups/unusual-hours',
    id: 'listUnusualHours',
    summary: 'The last hours, compared with the same weekday and hour of earlier weeks',
    description:
      'Unusual: more than three standard deviations from the mean, at least three times its root, and at least 10 lookups. With fewer than `needed` earlier weeks in the log it is not known.',
    query: z.strictObject({
      until: instant.optional().describe('Up to the last whole hour before it; default: now'),
      hours: from(1, 168).default(24).describe('How many hours'),
      weeks: from(MIN_WEEKS, 8).default(4).describe('Earlier weeks to compare with'),
      ...filters
    }),
    response: z.object({ timeZone: z.string(), needed: count, hours: z.array(hour) }),
    rowsRead: result => (result as { hours: readonly unknown[] }).hours.length,
    errors,
    handler: async ({ query }, context) => {
      const { until, hours, weeks, ...chosen } = query
      const timeZone = await timeZoneOf(context)
      const asked: HoursQuery = {
        ...{ until: until === undefined ? Date.now() : millisecondsOf(until), hours, weeks },
        ...{ conditions: filterConditions(chosen), timeZone }
      }
      const read = hoursRead(asked)
      const rows = await select(context, hoursSql(asked, read))
      return { timeZone, needed: MIN_WEEKS, hours: compareHours(rows, asked, read) }
    }
  }),
  defineRoute({
    ...common,
    path: '/bans/{ban}/effect',
    id: 'getBanEffect',
    summary: 'Lookups of the names of a ban before it and in its first weeks, by weekday',
    description:
      'Of the names that the ban has matched since, at most 100 entries of its apps and lists. Days before the ban are known only if the log has lookups that no rule matched.',
    params: z.strictObject({ ban: z.string().min(1).max(253).describe('Id of the ban') }),
    query: z.strictObject({
      weeks: from(1, 8).default(2).describe('Weeks to compare before the ban began, and since')
    }),
    response: z.object({
      ban: z.string(),
      from: time.describe('Null: the rules do not say when it began, or it has not begun'),
      entries: count.describe('Names of apps and lists that are compared'),
      more: z.boolean().describe('Whether it matched more'),
      before: z.array(day),
      after: z.array(day),
      weekdays: z
        .array(
          z.object({ weekday: count, before: nullable, answered: nullable, blocked: nullable })
        )
        .describe('Means of the days that are known')
    }),
    rowsRead: result => (result as { after: readonly unknown[] }).after.length,
    errors: { ...errors, API_NOT_FOUND: 404 },
    handler: async ({ params, query }, context) => {
      const { ban } = params
      const { rules } = await context.services.rules()
      const starts = rules.networks
        .flatMap(network => network.rules)
        .filter(rule => rule.kind === 'ban' && rule.id === ban)
        .map(rule => rule.from * MS_PER_SECOND)
      if (starts.length === 0) throw failure('API_NOT_FOUND', `ban ${ban}`)
      const start = Math.min(...starts)
      const now = Date.now()
      const nothing = { from: null, entries: 0, more: false, before: [], after: [], weekdays: [] }
      if (!(start > 0 && start <= now)) return { ban, ...nothing }
      const { timeZone } = rules
      const days = effectDays(start, query.weeks, now, timeZone)
      const until = days.after.at(-1) ?? now
      const found = await select(context, entriesSql(ban, start, Math.max(until, start)))
      const entries = found.slice(0, MAX_ENTRIES).map(({ entry }) => String(entry))
      const rows = await select(context, effectSql(entries, days))
      const more = found.length > MAX_ENTRIES
      const head = { ban, from: new Date(start).toISOString(), entries: entries.length, more }
      return { ...head, ...readEffect(rows, days, timeZone) }
    }
  })
]

/** @throws InterdictError API_REQUEST */
function periodOf(
  since: string | undefined,
  until: string | undefined
): { readonly since: Milliseconds; readonly until: Milliseconds } {
  const end = until === undefined ? Date.now() : millisecondsOf(until)
  const start = since === undefined ? end - MS_PER_DAY : millisecondsOf(since)
  if (start >= end) throw failure('API_REQUEST', 'query.since: must be before until')
  return { since: start, until: end }
}
