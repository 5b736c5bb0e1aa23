import * as z from 'zod'
import { systemClock } from '../../../base/time/clock.js'
import { failure } from '../../../base/errors/error.js'
import { MS_PER_DAY, MS_PER_SECOND, type Milliseconds } from '../../../base/units.js'
import {
  MIN_HISTORY,
  newDomainsSql,
  reachSql,
  readNewDomains,
  type NewDomains
} from '../../../analysis/explore/new-domains.js'
import { domainSql, suffixesSql } from '../../../analysis/report/questions/registrable-sql.js'
import { readTunnels, SIGNALS, tunnelSql } from '../../../analysis/explore/tunnel-findings.js'
import { timeConditions } from '../../../lookups/sql/time-range.js'
import {
  FindingMutes,
  FINDING_KINDS,
  findingMute,
  muteOf,
  mutesFile
} from '../../audit/finding-mutes.js'
import type { ApiServices } from '../api-services.js'
import { millisecondsOf } from '../log-questions.js'
import { instant, name } from '../parameters.js'
import { defineRoute } from '../route.js'

const HOUR: Milliseconds = 3_600_000
const MAX_MUTED: Milliseconds = 366 * MS_PER_DAY
const count = z.int()
const mute = findingMute.nullable().describe('Null: not muted')

const tunnel = z.object({
  client: z.string().nullable().describe('Null: the log has no client'),
  network: z.string().nullable(),
  domain: z.string().describe('Registrable domain'),
  lookups: count,
  blocked: count,
  names: count.describe('Different ones'),
  namesPerMinute: count.describe('In the busiest minute'),
  octetsPerMinute: count.describe('Characters in front of the domain, in the busiest minute'),
  meanLength: z.number(),
  longest: count,
  entropy: z.number().describe('Bits per character, the mean of a sample of names'),
  types: z.array(z.object({ type: z.string(), lookups: count })),
  first: z.string(),
  last: z.string(),
  signals: z.array(z.enum(SIGNALS)),
  samples: z.array(z.string()),
  mute
})

const newDomain = z.object({
  domain: z.string().describe('Registrable domain'),
  lookups: count,
  blocked: count,
  clients: count,
  names: count,
  first: z.string(),
  last: z.string(),
  client: z.string().nullable().describe('That asked for it first'),
  mute
})

const mutesOf = ({ config }: ApiServices): FindingMutes =>
  new FindingMutes(mutesFile(config.state.folder))

const NOT_KNOWN: NewDomains = { known: false, more: false, items: [] }

export const findingRoutes = [
  defineRoute({
    method: 'GET',
    path: '/findings',
    id: 'listFindings',
    tag: 'log',
    summary: 'What in the query log looks like a tunnel, and domains that it has not had before',
    description:
      'Computed from the query log when you ask; nothing is blocked. Needs `log.queries.which: all`: otherwise `known` is false.',
    scope: 'read',
    query: z.strictObject({
      until: instant.optional().describe('Default: now'),
      hours: z.coerce
        .number<string>('a whole number')
        .int('a whole number')
        .min(1)
        .max(168)
        .default(24)
        .describe('How many hours')
    }),
    response: z.object({
      since: z.string(),
      until: z.string(),
      known: z.boolean().describe('Whether the log has lookups that no rule matched'),
      logBegins: z.string().nullable(),
      tunnels: z.array(tunnel),
      newDomains: z.object({
        known: z.boolean().describe('Whether the log reaches back seven days before the period'),
        more: z.boolean(),
        items: z.array(newDomain)
      })
    }),
    rowsRead: result => {
      const found = result as { tunnels: readonly unknown[]; newDomains: NewDomains }
      return found.tunnels.length + found.newDomains.items.length
    },
    errors: { API_BUSY: 503, API_COMMAND_TIME: 503, API_COMMAND: 500 },
    job: true,
    handler: async ({ query }, { services, command }) => {
      const end = query.until === undefined ? Date.now() : millisecondsOf(query.until)
      const until = Math.floor(end / MS_PER_SECOND) * MS_PER_SECOND
      const since = until - query.hours * HOUR
      const select = (sql: string) => command('query', { sql })
      const [reach] = await select(reachSql(since, until))
      const first = typeof reach?.first === 'number' ? reach.first : null
      const head = {
        since: new Date(since).toISOString(),
        until: new Date(until).toISOString(),
        known: Number(reach?.others ?? 0) > 0,
        logBegins: first === null ? null : new Date(first).toISOString()
      }
      if (!head.known) return { ...head, tunnels: [], newDomains: NOT_KNOWN }
      const isLong = first !== null && first <= since - MIN_HISTORY
      const where = timeConditions({ since, until }).join(' AND ')
      const ends = (await select(suffixesSql(where))).map(({ suffix }) => String(suffix))
      const domain = domainSql(ends)
      const tunnels = readTunnels(await select(tunnelSql({ since, until }, domain)))
      const fresh = isLong
        ? readNewDomains(await select(newDomainsSql(since, until, domain)))
        : NOT_KNOWN
      const mutes = mutesOf(services).current(systemClock.wall())
      return {
        ...head,
        tunnels: tunnels.map(one => ({ ...one, mute: muteOf(mutes, 'tunnel', one) ?? null })),
        newDomains: {
          ...fresh,
          items: fresh.items.map(one => ({
            ...one,
            mute: muteOf(mutes, 'new-domain', one) ?? null
          }))
        }
      }
    }
  }),
  defineRoute({
    method: 'POST',
    path: '/findings/mutes',
    id: 'muteFinding',
    tag: 'operation',
    summary: 'Mute a finding until a time, for a reason',
    scope: 'operate',
    body: z.strictObject({
      kind: z.enum(FINDING_KINDS),
      domain: name,
      client: z.string().min(1).max(253).nullable().default(null),
      reason: z.string().trim().min(1).max(500),
      until: instant
    }),
    response: findingMute,
    errors: { API_REQUEST: 400 },
    handler: ({ body }, { services, principal }) => {
      const now = systemClock.wall()
      const until = millisecondsOf(body.until)
      if (until <= now || until > now + MAX_MUTED)
        throw failure('API_REQUEST', 'until: must be within the next 366 days')
      const end = new Date(until).toISOString()
      const by = principal!.name
      return Promise.resolve(mutesOf(services).add({ ...body, by, until: end }, now))
    }
  }),
  defineRoute({
    method: 'DELETE',
    path: '/findings/mutes/{id}',
    id: 'unmuteFinding',
    tag: 'operation',
    summary: 'Show a muted finding again',
    scope: 'operate',
    params: z.strictObject({ id: z.uuid().describe('Id of the mute') }),
    errors: { API_NOT_FOUND: 404 },
    handler: ({ params }, { services }) => {
      mutesOf(services).remove(params.id, systemClock.wall())
      return Promise.resolve()
    }
  })
]
