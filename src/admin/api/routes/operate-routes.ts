import * as z from 'zod'
import { MS_PER_SECOND, type Milliseconds } from '../../../base/units.js'
import { REQUESTS } from '../../../gateway/processes/requests.js'
import type { ReloadStatus } from '../../../gateway/reload/reload-reporter.js'
import {
  MAX_REASON,
  type ApplyResult,
  type FlushResult,
  type PauseResult
} from '../../../gateway/socket/admin-protocol.js'
import { defineRoute } from '../route.js'
import type { ApiServices } from '../api-services.js'

/** A pause is for the time in which somebody looks for a fault; what is to last is a change of the rules. */
const MAX_PAUSE_MINUTES = 24 * 60
/** A reload of a million names takes seconds. */
const RELOAD_TIMEOUT: Milliseconds = 120_000
const SECONDS_PER_MINUTE = 60

const name = z.string().min(1).max(1009)
const rule = z.strictObject({ rule: z.string().min(1).max(255).describe('Id of a block rule') })
const list = z.strictObject({
  id: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]*$/, 'the id of a list')
    .describe('Id of the list')
})
const pause = z.object({
  rule: z.string(),
  until: z.iso.datetime().describe('When the rule applies again')
})
const shown = ({ rule, until }: PauseResult): z.input<typeof pause> => ({
  rule,
  until: new Date(until * MS_PER_SECOND).toISOString()
})

/** Reads the rules again. @param by the caller @returns the outcome, the number of errors, and the first of them */
export async function reloadRules(
  services: Pick<ApiServices, 'control'>,
  by?: string
): Promise<Pick<ReloadStatus, 'outcome' | 'errors' | 'first'>> {
  const reload = await services.control<ReloadStatus>({ do: 'reload', by }, RELOAD_TIMEOUT)
  const { outcome, errors } = reload
  return { outcome, errors, first: reload.first.map(({ code, message }) => ({ code, message })) }
}

export const operateRoutes = [
  defineRoute({
    method: 'POST',
    path: '/cache/flush',
    id: 'flushCache',
    tag: 'operation',
    summary: 'Drop a name from the cache, as "interdict flush"',
    scope: 'operate',
    body: z.strictObject({
      name: name.describe('In presentation format (RFC 1035 §5.1); "." with subtree: everything'),
      subtree: z.boolean().default(false).describe('Whether to drop the names below it, too')
    }),
    response: z.object({
      dropped: z.int().describe('Cache entries dropped'),
      silent: z.array(z.int()).describe('Numbers of workers that did not reply in time')
    }),
    errors: { NAME_INVALID: 422 },
    handler: ({ body }, { services }) =>
      services.control<FlushResult>({ do: 'flush', ...body }, RELOAD_TIMEOUT)
  }),
  defineRoute({
    method: 'POST',
    path: '/rules/reload',
    id: 'reloadRules',
    tag: 'operation',
    summary: 'Read the rules again, even if no file has changed',
    description: 'Files are watched: this is for network file systems that report no changes.',
    scope: 'operate',
    response: z.object({
      outcome: z.enum(['accepted', 'unchanged', 'refused']),
      errors: z.int().describe('Their number'),
      first: z.array(z.object({ code: z.string(), message: z.string() }))
    }),
    handler: (_, { services, principal }) => reloadRules(services, principal!.name)
  }),
  defineRoute({
    method: 'POST',
    path: '/rules/apply',
    id: 'applyRules',
    tag: 'operation',
    summary: 'Put saved rules in force, where they wait for that, as "interdict apply"',
    description:
      'With `rules.activate: manual` only. If anything is wrong, the previous rules remain active.',
    scope: 'policy',
    body: z.strictObject({
      sha256: z
        .string()
        .regex(/^[0-9a-f]{64}$/, 'a SHA-256 of 64 hexadecimal digits')
        .optional()
        .describe('As they were planned: other rules are not put in force. Default: as they are')
    }),
    response: z.object({
      sha256: z
        .string()
        .nullable()
        .describe('Of the rules that are in force now; null: see errors'),
      errors: z.array(z.object({ code: z.string(), message: z.string() }))
    }),
    errors: { APPLY_OFF: 409, APPLY_BUSY: 409 },
    handler: async ({ body }, { services, principal }) => {
      const request = { do: 'apply', sha256: body.sha256, by: principal!.name } as const
      const { sha256, errors } = await services.control<ApplyResult>(request, RELOAD_TIMEOUT)
      return { sha256, errors: errors.map(({ code, message }) => ({ code, message })) }
    }
  }),
  defineRoute({
    method: 'PUT',
    path: '/rules/{rule}/pause',
    id: 'pauseRule',
    tag: 'operation',
    summary: 'Pause a block rule for some minutes',
    description:
      'Only a block: bans, exceptions and allows are changed in the rules alone. At most as long as ' +
      'admin.max-pause says. A restart of the gateway continues the pause.',
    scope: 'operate',
    params: rule,
    body: z.strictObject({
      minutes: z.int().min(1).max(MAX_PAUSE_MINUTES),
      reason: z.string().trim().min(1).max(MAX_REASON).describe('For everyone who sees the pause')
    }),
    response: pause,
    errors: { PAUSE_UNKNOWN: 404, PAUSE_NOT_BLOCK: 409, PAUSE_LONG: 422, PAUSE_REFUSED: 409 },
    handler: async ({ params, body }, { services, principal }) => {
      const seconds = body.minutes * SECONDS_PER_MINUTE
      const by = principal!.name
      const { reason } = body
      const request = { do: 'pause', rule: params.rule, seconds, by, reason } as const
      return shown(await services.control<PauseResult>(request, RELOAD_TIMEOUT))
    }
  }),
  defineRoute({
    method: 'DELETE',
    path: '/rules/{rule}/pause',
    id: 'resumeRule',
    tag: 'operation',
    summary: 'End the pause of a block rule',
    scope: 'operate',
    params: rule,
    errors: { PAUSE_UNKNOWN: 404, PAUSE_NOT_BLOCK: 409, PAUSE_REFUSED: 409 },
    handler: async ({ params }, { services, principal }) => {
      const by = principal!.name
      const request = { do: 'pause', rule: params.rule, seconds: 0, by, reason: '' } as const
      await services.control<PauseResult>(request, RELOAD_TIMEOUT)
    }
  }),
  defineRoute({
    method: 'POST',
    path: '/lists/{id}/update',
    id: 'updateList',
    tag: 'operation',
    summary: 'Download a list or transfer a zone now, as "interdict lists update"',
    scope: 'operate',
    params: list,
    response: z.object({
      lists: z.array(z.looseObject({ id: z.string(), result: z.string() }))
    }),
    job: true,
    handler: ({ params }, { command }) => command('lists update', { ids: [params.id] })
  }),
  defineRoute({
    method: 'POST',
    path: '/lists/{id}/confirm',
    id: 'confirmList',
    tag: 'operation',
    summary: 'Accept a quarantined download: one that is much shorter than the active version',
    scope: 'operate',
    params: list,
    response: z.looseObject({}),
    errors: { REMOTE_NOT_HELD: 409, REMOTE_BUSY: 409 },
    job: true,
    handler: ({ params }, { command }) => command('lists confirm', params)
  }),
  defineRoute({
    method: 'POST',
    path: '/rules/rollback',
    id: 'rollBack',
    tag: 'operation',
    summary: 'Return to a bundle that was accepted earlier, as "interdict rollback"',
    scope: 'policy',
    body: z.strictObject({
      to: z.int().min(1).optional().describe('Serial; default: the one before')
    }),
    response: REQUESTS.rollback.result,
    errors: { BUNDLE_OFF: 409, BUNDLE_NO_EARLIER: 409 },
    job: true,
    handler: ({ body }, { command, principal }) =>
      command('rollback', { ...body, user: principal!.name })
  }),
  defineRoute({
    method: 'POST',
    path: '/log/rotate',
    id: 'rotateLog',
    tag: 'operation',
    summary: 'Close the query log file, so that it is archived now',
    scope: 'operate',
    response: z.object({ rotated: z.boolean().describe('False: there was nothing in it') }),
    errors: { RECORDER_SILENT: 504 },
    handler: (_, { services }) => services.control<{ rotated: boolean }>({ do: 'rotate' })
  })
]
