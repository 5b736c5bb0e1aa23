import { availableParallelism, freemem, hostname, loadavg, totalmem } from 'node:os'
import * as z from 'zod'
import { MS_PER_SECOND } from '../../../base/units.js'
import { pageOf, pageSchema, paging } from '../parameters.js'
import { defineRoute } from '../route.js'

const SECONDS_PER_MINUTE = 60
const SECONDS_PER_HOUR = 3_600
const HOURS = 24
const STEPS = ['1', '5', '15', '60'] as const

const milliseconds = z.number().nullable()
const share = z.number().nullable().describe('From 0 to 1; null: no query')

const point = z.object({
  at: z.iso.datetime().describe('When the step began'),
  answered: z.int(),
  blocked: z.int(),
  stale: z.int(),
  failed: z.int().describe('SERVFAIL'),
  hits: z.int().describe('Answers from the cache'),
  misses: z.int(),
  p50Ms: milliseconds,
  p99Ms: milliseconds
})

const change = z.object({
  at: z.iso.datetime(),
  by: z.string().nullable().describe('Token, or "user:" and a person; null: a file was changed'),
  operation: z.string().describe('An operation of this API, or "login", "rules" or "settings"'),
  subject: z.string(),
  code: z.string().nullable().describe('Why it was refused; null: done'),
  reason: z.string().optional().describe('Why, where the request says so')
})

export const historyRoutes = [
  defineRoute({
    method: 'GET',
    path: '/trend',
    id: 'getTrend',
    tag: 'gateway',
    summary: 'Rates of the last minute, and counts of up to 24 hours',
    description:
      'Counted by the gateway, whatever the query log records. Stored every five minutes, so that a restart loses no more.',
    scope: 'read',
    query: z.strictObject({
      step: z.enum(STEPS).default('5').describe('Minutes that a point sums up'),
      hours: z.coerce
        .number<string>('a whole number')
        .int('a whole number')
        .min(1)
        .max(HOURS)
        .default(HOURS)
        .describe('Of so many hours')
    }),
    response: z.object({
      now: z.object({
        seconds: z.number().describe('Over so long; 0: the gateway has just started'),
        queriesPerSecond: z.number(),
        blockedShare: share,
        hitShare: share,
        p50Ms: milliseconds,
        p99Ms: milliseconds
      }),
      stepSeconds: z.int(),
      points: z.array(point.nullable()).describe('The oldest first; null: nothing is known')
    }),
    handler: ({ query }, { services }) => {
      const trend = services.trend
      const stepSeconds = Number(query.step) * SECONDS_PER_MINUTE
      const all = trend.points(Date.now(), stepSeconds * MS_PER_SECOND)
      const points = all.slice(-query.hours * (SECONDS_PER_HOUR / stepSeconds))
      return Promise.resolve({ now: trend.now(), stepSeconds, points })
    }
  }),
  defineRoute({
    method: 'GET',
    path: '/process',
    id: 'getProcess',
    tag: 'gateway',
    summary: 'The machine, and what the gateway takes of it',
    scope: 'read',
    response: z.object({
      host: z.string(),
      node: z.string().describe('Version of Node.js'),
      residentOctets: z.int().describe('Memory of the process'),
      cpuSeconds: z.number().describe('CPU time of all threads since the start'),
      cores: z.int(),
      load: z.number().describe('Load average of the last minute'),
      memoryOctets: z.int().describe('Memory of the machine'),
      freeOctets: z.int(),
      timeZone: z.string().describe('Of dates in the rules'),
      hub: z.boolean().describe('Whether the routes of the fleet have a hub')
    }),
    handler: async (_, { services }) => {
      const { user, system } = process.cpuUsage()
      return {
        host: hostname(),
        node: process.version,
        residentOctets: process.memoryUsage.rss(),
        cpuSeconds: (user + system) / 1e6,
        cores: availableParallelism(),
        load: loadavg()[0],
        memoryOctets: totalmem(),
        freeOctets: freemem(),
        timeZone: (await services.rules()).rules.timeZone,
        hub: services.config.admin.hub !== undefined
      }
    }
  }),
  defineRoute({
    method: 'GET',
    path: '/changes',
    id: 'listChanges',
    tag: 'gateway',
    summary: 'What was changed, or refused, and by whom: the latest first',
    description:
      'Through the API, by logins, and in the files of rules and settings: the last 1,000.',
    scope: 'read',
    query: z.strictObject(paging),
    response: pageSchema(change),
    handler: async ({ query }, { services }) =>
      Promise.resolve(pageOf(0, services.changes.newest, query))
  }),
  defineRoute({
    method: 'GET',
    path: '/reads',
    id: 'listReads',
    tag: 'gateway',
    summary: 'Who has read lookups through the API, and which: the latest first',
    description:
      'Searches, streams, reports and stored reports, with their filter and the number of rows: the last 1,000. A stream has an entry at its start, without rows, and one at its end.',
    scope: 'policy',
    query: z.strictObject(paging),
    response: pageSchema(
      change.extend({
        filter: z.string().describe('The query of the request'),
        rows: z.int().nullable().describe('Lookups, or lines of tables; null: not known')
      })
    ),
    handler: async ({ query }, { services }) =>
      Promise.resolve(pageOf(0, services.reads.newest, query))
  })
]
