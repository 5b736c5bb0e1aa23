import * as z from 'zod'
import { failure } from '../../../base/errors/error.js'
import { REQUESTS } from '../../../gateway/processes/requests.js'
import { judgedRows } from '../judged-rows.js'
import { instant } from '../parameters.js'
import { defineRoute } from '../route.js'

const MAX_ENTRIES = 1_000

const version = z.strictObject({
  version: z
    .string()
    .regex(/^[0-9a-f]{4,64}$/i, 'the first digits of a SHA-256')
    .describe('First digits of its SHA-256')
})
const entry = z.looseObject({
  from: z.iso.datetime(),
  until: z.iso.datetime().nullable().describe('Null: it is the last'),
  seconds: z.int().nullable(),
  event: z.enum(['start', 'reload', 'pause', 'settings', 'stop', 'gap']),
  sha256: z.string().nullable().describe('Null: nothing was in force, or it is not known what'),
  serial: z.int().nullable().describe('Of the bundle'),
  reason: z.string().nullable(),
  by: z.string().nullable().describe('Token, or "user:" and a person, or "fleet"'),
  changed: z.array(z.string()).describe('Files that differ from the version before, at most ten'),
  summary: z.string().describe('What changed, in one line'),
  pauses: z.array(
    z.object({
      rule: z.string(),
      until: z.iso.datetime(),
      by: z.string().nullable(),
      reason: z.string().nullable()
    })
  )
})
const NOT_FOUND = { HISTORY_NONE: 404, HISTORY_AMBIGUOUS: 409, HISTORY_READ: 500 } as const
const INCOMPLETE = { ...NOT_FOUND, HISTORY_INCOMPLETE: 409 } as const
const common = { tag: 'rules', scope: 'read', job: true } as const

export const rulesHistoryRoutes = [
  defineRoute({
    ...common,
    method: 'GET',
    path: '/rules/plan',
    id: 'planRules',
    summary: 'What the saved rules would change against those in force, as "interdict plan"',
    description: 'Needs the admin socket. `forecast` is by the lookups of the last day.',
    response: REQUESTS.plan.result,
    rowsRead: plan => judgedRows((plan as { readonly forecast?: unknown }).forecast),
    errors: { ADMIN_OFF: 409, PLAN_VERSION: 409 },
    handler: (_, { command }) => command('plan', {})
  }),
  defineRoute({
    ...common,
    method: 'GET',
    path: '/rules/history',
    id: 'listRulesHistory',
    summary: 'What was in force when, as "interdict rules history": the latest first',
    query: z.strictObject({
      limit: z.coerce
        .number<string>('a whole number')
        .int('a whole number')
        .min(1)
        .max(MAX_ENTRIES)
        .default(50)
        .describe('The most entries'),
      since: instant.optional().describe('Default: from the beginning'),
      until: instant.optional().describe('Default: now')
    }),
    response: z.object({
      total: z.int().describe('Entries of this period'),
      entries: z.array(entry)
    }),
    errors: { HISTORY_READ: 500 },
    handler: ({ query }, { command }) => command('rules history', query)
  }),
  defineRoute({
    ...common,
    method: 'GET',
    path: '/rules/versions/{version}',
    id: 'getRulesVersion',
    summary: 'A version that was in force, as "interdict rules show"',
    params: version,
    response: z.looseObject({
      sha256: z.string(),
      stretches: z.array(entry).describe('When it was in force, the oldest first'),
      files: z.array(z.object({ path: z.string(), sha256: z.string(), stored: z.boolean() })),
      zones: z.array(z.looseObject({}))
    }),
    errors: NOT_FOUND,
    handler: ({ params }, { command }) => command('rules show', params)
  }),
  defineRoute({
    ...common,
    method: 'GET',
    path: '/rules/versions/{version}/file',
    id: 'getRulesVersionFile',
    summary: 'The text of a file of a version',
    params: version,
    query: z.strictObject({ path: z.string().min(1).max(1024).describe('Such as networks.yaml') }),
    response: REQUESTS['rules file'].result,
    errors: INCOMPLETE,
    handler: ({ params, query }, { command }) => command('rules file', { ...params, ...query })
  }),
  defineRoute({
    ...common,
    method: 'GET',
    path: '/rules/versions/{version}/diff',
    id: 'diffRulesVersions',
    summary: 'How answers differ from a version to another, as "interdict rules diff"',
    params: version,
    query: z.strictObject({ to: version.shape.version }),
    response: z.looseObject({}),
    errors: INCOMPLETE,
    handler: ({ params, query }, { command }) =>
      command('rules diff', { old: params.version, new: query.to })
  }),
  defineRoute({
    method: 'POST',
    path: '/rules/versions/{version}/restore',
    id: 'restoreRulesVersion',
    tag: 'operation',
    summary: 'Write a version back into the rules folder, as "interdict rules restore"',
    description:
      'The gateway then reloads the files. Present files that are in no version are saved. With bundles, roll back instead.',
    scope: 'policy',
    params: version,
    body: z.strictObject({
      dryRun: z.boolean().default(false).describe('Whether to report the files only')
    }),
    response: REQUESTS['rules restore'].result,
    errors: { ...INCOMPLETE, RESTORE_BUNDLE: 409, RESTORE_WRITE: 409, DRAFT_NEEDED: 409 },
    job: true,
    handler: ({ params, body }, { services, command, principal }) => {
      if (services.config.admin.approval !== 'none' && !body.dryRun) throw failure('DRAFT_NEEDED')
      return command('rules restore', { ...params, ...body, user: principal!.name })
    }
  })
]
