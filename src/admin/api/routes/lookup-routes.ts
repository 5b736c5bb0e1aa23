import * as z from 'zod'
import { failure } from '../../../base/errors/error.js'
import { REPORT_KEYS } from '../../../lookups/sql/report-keys.js'
import { parseFilter } from '../../../analysis/views/record-filter.js'
import { LookupStream } from '../lookup-stream.js'
import { defineRoute } from '../route.js'
import { filters, lookup, period, reportFilters, searchOf } from '../log-questions.js'

const MAX_STREAMS = 8
let streams = 0

const text = z.string().min(1).max(253)

const OF_PERIODS = ['daily', 'weekly', 'monthly'] as const
const KINDS = ['overview', ...OF_PERIODS, 'ban', 'bypass', 'egress', 'dnssec', 'new-names'] as const
export const lookupRoutes = [
  defineRoute({
    method: 'GET',
    path: '/lookups/stream',
    id: 'streamLookups',
    tag: 'log',
    summary: 'Lookups as they are logged, as server-sent events',
    description:
      'Events: `lookup` with a line of the query log, `dropped` with the number of lookups that a slow client has missed, `end` when the token has become invalid.',
    scope: 'read',
    query: z.strictObject({
      ...filters,
      verdict: filters.verdict.describe('Only verdicts; default: blocked and monitored'),
      lines: z.coerce
        .number<string>('a whole number')
        .int('a whole number')
        .min(0)
        .max(1_000)
        .default(0)
        .describe('Recent lookups to begin with')
    }),
    produces: 'text/event-stream',
    rowsRead: stream => (stream as LookupStream).sent,
    errors: { API_BUSY: 503, API_NOT_FOUND: 404, LOG_FOLLOW: 500 },
    handler: async ({ query }, { services, principal, response }) => {
      const { which, path } = services.config.log.queries
      if (which === 'none') throw failure('API_NOT_FOUND', 'query log: log.queries.which is none')
      if (streams >= MAX_STREAMS) throw failure('API_BUSY', `${MAX_STREAMS} streams`)
      const { lines, ...conditions } = query
      const matches = parseFilter(conditions, (_option, parse) => parse())
      const isAllowed = (): boolean => principal!.isValid()
      const stream = new LookupStream(response, { path, matches, lines, isAllowed })
      streams++
      void stream.ended.then(() => streams--)
      return Promise.resolve(stream)
    }
  }),
  defineRoute({
    method: 'GET',
    path: '/lookups',
    id: 'searchLookups',
    tag: 'log',
    summary: 'Lookups in the query log and its archive, the latest first',
    scope: 'read',
    query: lookup,
    response: z.object({
      offset: z.int(),
      more: z.boolean().describe('Whether there are older ones'),
      items: z.array(z.looseObject({ time: z.string(), qname: z.string(), verdict: z.string() }))
    }),
    rowsRead: page => (page as { readonly items: readonly unknown[] }).items.length,
    errors: { API_BUSY: 503, API_COMMAND_TIME: 503, API_COMMAND: 500 },
    job: true,
    handler: async ({ query }, { command }) => {
      const { limit, offset } = query
      const items = (await command('query', searchOf(query))).map(present)
      return { offset, more: items.length > limit, items: items.slice(0, limit) }
    }
  }),
  defineRoute({
    method: 'GET',
    path: '/reports/{kind}',
    id: 'getReport',
    tag: 'log',
    summary: 'A report on the query log, as "interdict report --json"',
    scope: 'read',
    params: z.strictObject({ kind: z.enum(KINDS).describe('Which report') }),
    query: z.strictObject({
      ...period,
      id: text
        .regex(/^[^-]/, 'an id')
        .optional()
        .describe(
          'Of a ban for `ban`; of a period: `today` or `yesterday`, `this-week` or `last-week`, `this-month` or `last-month`'
        ),
      ...reportFilters,
      by: z.enum(REPORT_KEYS).optional().describe('Key to count lookups by; default: app'),
      top: z
        .string()
        .regex(/^[1-9]\d{0,3}$/, 'a number from 1 to 9999')
        .optional()
        .describe('Rows of each table')
    }),
    response: z.looseObject({}),
    rowsRead: report => {
      const { tables } = report as { readonly tables: Readonly<Record<string, readonly unknown[]>> }
      return Object.values(tables).reduce((sum, rows) => sum + rows.length, 0)
    },
    errors: { API_BUSY: 503, API_COMMAND_TIME: 503, API_COMMAND: 500 },
    job: true,
    handler: ({ params, query }, { report }) => {
      const { top, ...options } = query
      const question = params.kind === 'overview' ? undefined : params.kind
      return report({ question, ...options, top: top === undefined ? top : Number(top) })
    }
  })
]

/** Without the columns that do not apply to a lookup, as in the log. */
function present(row: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null))
}
