import * as z from 'zod'
import type { BansList } from '../../analysis/views/bans-list.js'
import type { Explanation } from '../../analysis/views/explanation.js'
import type { HistoryEntry } from '../../analysis/views/history-view.js'
import type { Attribution } from '../../policy/bindings/attribution.js'

const text = z.string()
const count = z.int().min(0).max(999_999_999)
const optional = text.optional()
const several = z.array(text).min(1).optional()
/** Names to show for each change. */
const examples = count.max(999_999).default(5)
const confined = z
  .boolean()
  .optional()
  .describe(
    'Whether nothing outside the folder of `rules` or `new` is read, since somebody else wrote it'
  )
const serial = z.int().min(1)
/** Milliseconds since 1970. */
const period = z.strictObject({ since: z.number().optional(), until: z.number().optional() })
const problem = z.object({ code: text, message: text })

/** A document of which the gateway uses only these members; all others pass unchanged. */
function documentOf<Document>(members: z.core.$ZodLooseShape): z.ZodType<Document> {
  return z.looseObject(members) as unknown as z.ZodType<Document>
}

const version = documentOf<object>({ sha256: text })
const bundle = documentOf<object>({ serial, sha256: text })
const difference = documentOf<object>({ at: text, changes: z.array(z.looseObject({})) })
const rule = z.looseObject({ id: text, state: text })

/**
 * Requests that separate processes perform for the gateway, like the commands of the same names: the schema of each
 * request and of its result, which is the output of the command with `--json`. Times are strings, since most are read
 * in the time zone of the rules.
 */
export const REQUESTS = {
  query: {
    request: z.union([
      z.strictObject({ sql: text }),
      z.strictObject({
        where: optional.describe('SQL that a user wrote'),
        filters: optional.describe('SQL of filters'),
        period: period.optional().describe('Days outside of it are not read'),
        latest: count.optional().describe('Default: all, as they are read'),
        skip: count,
        probes: z.boolean().optional().describe('Whether lookups of the gateway itself are found')
      })
    ]),
    result: z.array(z.record(text, z.unknown()))
  },
  who: {
    request: z.strictObject({
      address: text,
      at: z.int().optional().describe('Milliseconds since 1970; default: now'),
      skew: z.int().min(0).describe('Milliseconds')
    }),
    result: z.object({
      at: z.int().describe('Milliseconds since 1970'),
      found: documentOf<Attribution>({ status: z.enum(['known', 'unknown']) })
    })
  },
  export: {
    request: z.strictObject({
      filters: optional.describe('SQL of filters'),
      period: period.optional().describe('Days outside of it are not read'),
      probes: z.boolean().optional(),
      format: z.enum(['jsonl', 'csv', 'parquet'])
    }),
    result: z.object({ rows: z.int() })
  },
  report: {
    request: z.strictObject({
      question: z
        .enum(['daily', 'weekly', 'monthly', 'ban', 'bypass', 'egress', 'dnssec', 'new-names'])
        .optional(),
      id: optional.describe('A ban, or the name of a period'),
      ...{ since: optional, until: optional, timeZone: optional },
      ...{ ban: optional, app: optional, network: optional, client: optional, gateway: optional },
      name: optional.describe('A pattern'),
      ...{ device: several, list: several, verdict: several, dnssec: several },
      ...{ transport: several, type: several },
      all: z.boolean().default(false),
      by: text.default('app'),
      top: z.int().min(1).max(999_999).default(20)
    }),
    result: documentOf<object>({ title: text, tables: z.looseObject({}) })
  },
  replay: {
    request: z.strictObject({
      logs: z.array(text).min(1),
      rules: text,
      confined,
      ...{ against: optional, logFormat: optional, at: optional, network: optional },
      top: count.default(10),
      examples: count.default(3),
      sample: count
        .min(1)
        .optional()
        .describe('Judge about so many lookups of a folder, chosen at random; default: all')
    }),
    result: documentOf<object>({ lookups: count, changes: z.looseObject({}) })
  },
  'reports run': {
    request: z.strictObject({}),
    result: z.object({
      reports: z
        .array(
          z.object({
            name: text,
            next: text.describe('When it is made next, or tried again: RFC 3339'),
            made: text.nullable().describe('When it was last made; null: never'),
            error: problem.nullable().describe('Why the last try failed; null: it did not'),
            event: z
              .enum(['made', 'failed', 'dropped'])
              .nullable()
              .describe('What this run did; `dropped`: given up; null: it was not due'),
            file: text.nullable(),
            mailed: count.describe('Addresses that it was mailed to')
          })
        )
        .readonly()
    })
  },
  'catalogue update': {
    request: z.strictObject({}),
    result: z.object({
      result: z.enum(['updated', 'unchanged', 'pinned', 'failed']),
      inForce: z
        .object({ version: text, serial, expires: text })
        .nullable()
        .describe('The catalogue in force afterwards; null: none was accepted'),
      error: problem.nullable()
    })
  },
  explain: {
    request: z.strictObject({
      name: text,
      type: text,
      from: optional.describe('Address of the client'),
      client: optional.describe('Name of a client of the rules'),
      at: optional,
      timeZone: optional,
      upstream: z.boolean().describe('Whether to ask the upstreams'),
      files: z.boolean().default(false).describe("Whether today's files are judged at any time")
    }),
    result: documentOf<Omit<Explanation, 'rules'> & { readonly timeZone: string }>({
      ...{ name: text, type: text, at: text, verdict: text, timeZone: text },
      steps: z.array(z.looseObject({ subject: text }))
    })
  },
  bans: {
    request: z.strictObject({
      at: optional,
      within: count.max(99_999),
      network: optional,
      app: optional,
      files: z.boolean().default(false).describe("Whether today's files are judged at any time")
    }),
    result: documentOf<BansList>({
      bans: z.array(rule),
      exceptions: z.array(rule),
      notices: z.array(z.looseObject({ at: text, id: text }))
    })
  },
  check: {
    request: z.strictObject({
      rules: optional.describe('Instead of those configured'),
      confined,
      at: optional
    }),
    result: z.looseObject({
      ok: z.boolean(),
      errors: z.array(z.looseObject({ code: text, message: text })),
      warnings: z.array(z.looseObject({ code: text, message: text }))
    })
  },
  diff: {
    request: z.strictObject({
      old: text,
      new: text,
      confined,
      at: optional,
      only: z.array(text).optional().describe('Ids of apps and lists'),
      examples
    }),
    result: difference
  },
  'lists update': {
    request: z.strictObject({ ids: z.array(text).describe('Empty: all lists') }),
    result: z.object({
      lists: z.array(
        z.object({
          id: text,
          result: z.enum(['updated', 'unchanged', 'failed']),
          entries: count
            .nullable()
            .describe('Of the copy; null: the update failed, or the zone is unchanged'),
          serial: z.int().nullable().describe('Of a zone'),
          errors: z.array(problem).describe('Why it failed, or which primaries did')
        })
      )
    })
  },
  'lists confirm': {
    request: z.strictObject({ id: text }),
    result: z.object({ id: text, entries: count })
  },
  rollback: {
    request: z.strictObject({
      to: serial.optional().describe('Default: the bundle before the one in force'),
      user: text
    }),
    result: z.object({ from: z.int(), to: z.int(), changed: z.boolean() })
  },
  'bundle create': {
    request: z.strictObject({
      folder: text,
      output: text,
      key: optional,
      serial: serial.optional().describe('Default: the time'),
      days: z.int().min(1).max(36_500)
    }),
    result: bundle
  },
  'bundle verify': {
    request: z.strictObject({
      path: text,
      trust: z.array(text).min(1),
      signatures: z.int().min(1)
    }),
    result: bundle
  },
  plan: {
    request: z.strictObject({ examples }),
    result: documentOf<object>({
      exitCode: z.int(),
      planned: text.nullable().describe('SHA-256 of the files that were compared'),
      check: z.looseObject({ ok: z.boolean() }),
      diff: difference.nullable(),
      forecast: z.looseObject({ known: z.boolean() }).nullable()
    })
  },
  'rules history': {
    request: z.strictObject({ limit: count.min(1), since: optional, until: optional }),
    result: documentOf<{ readonly total: number; readonly entries: readonly HistoryEntry[] }>({
      total: count,
      entries: z.array(z.looseObject({ from: text, event: text }))
    })
  },
  'rules show': { request: z.strictObject({ version: text }), result: version },
  'rules file': {
    request: z.strictObject({ version: text, path: text }),
    result: z.object({ path: text, text })
  },
  'rules diff': { request: z.strictObject({ old: text, new: text, examples }), result: difference },
  'rules restore': {
    request: z.strictObject({ version: text, dryRun: z.boolean(), user: text }),
    result: z.object({
      ...{ sha256: text, written: z.array(text), removed: z.array(text) },
      saved: text.nullable().describe('Folder of files that were in no version')
    })
  }
} as const

export type RequestName = keyof typeof REQUESTS
/** A request as it is sent: members with a default may be missing. */
export type RequestOf<Name extends RequestName> = z.input<(typeof REQUESTS)[Name]['request']>
/** A request as it is performed. */
export type ParsedRequest<Name extends RequestName> = z.output<(typeof REQUESTS)[Name]['request']>
export type ResultOf<Name extends RequestName> = z.output<(typeof REQUESTS)[Name]['result']>
