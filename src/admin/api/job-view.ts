import * as z from 'zod'
import type { Milliseconds } from '../../base/units.js'
import { problemSchema } from '../http/problem-schema.js'
import type { Principal } from '../tokens/authenticator.js'
import type { Job } from './jobs.js'

const time = z.iso.datetime()

/** A job without its result. */
export const jobSchema = z.object({
  id: z.string(),
  operation: z.string().describe('The operationId'),
  path: z.string().describe('Of the request; of your own jobs with the query'),
  by: z.string().describe('Token, or "user:" and a person'),
  state: z
    .enum(['queued', 'running', 'done', 'failed', 'cancelled'])
    .describe('`queued`: waits for other commands to end'),
  created: time,
  started: time.nullable(),
  ended: time.nullable(),
  progress: z
    .object({
      command: z.string().describe('The command that runs, as of `interdict`'),
      done: z.number().nullable().describe('From 0 to 1; null: not known')
    })
    .nullable()
    .describe('Null: no command yet'),
  problem: problemSchema.nullable().describe('Why it failed or was cancelled')
})

/** A job with its result. */
export const jobWithResult = jobSchema.extend({
  result: z
    .unknown()
    .optional()
    .describe('The response of the operation, if `state` is `done`, to whom the job belongs')
})

/** A job as a user may see it. */
export function viewOf(job: Job, user: Principal): z.output<typeof jobSchema> {
  const { id, operation, by, url, created, started, ended, progress, end } = job
  const isOwn = by === user.name
  return {
    ...{ id, operation, by },
    path: isOwn ? url : url.split('?', 1)[0]!,
    state: end?.state ?? (progress?.isRunning === false ? 'queued' : 'running'),
    created: show(created)!,
    started: show(started),
    ended: show(ended),
    progress: progress === undefined ? null : { command: progress.command, done: progress.done },
    problem: end === undefined || end.state === 'done' ? null : shownTo(isOwn, end.problem)
  }
}

/** The result, if the job is done and the user may have it. */
export function resultFor(
  { by, scope, end }: Job,
  { name, scopes }: Principal
): { readonly result?: unknown } {
  const isAllowed = by === name && (scope === null || scope === 'any' || scopes.has(scope))
  return isAllowed && end?.state === 'done' ? { result: end.result } : {}
}

/** Details may have what was asked for. */
function shownTo(isOwn: boolean, problem: z.output<typeof problemSchema>) {
  return isOwn ? problem : { ...problem, detail: 'shown to the user of the job', errors: undefined }
}

const show = (at: Milliseconds | undefined): string | null =>
  at === undefined ? null : new Date(at).toISOString()
