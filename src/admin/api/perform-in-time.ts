import type { FastifyReply, FastifyRequest } from 'fastify'
import { failure } from '../../base/errors/error.js'
import { serializeError } from '../../base/errors/serialized-error.js'
import { completesWithin } from '../../base/threads/completes-within.js'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import { PREFIX } from '../http/api-prefix.js'
import { problemOf } from '../http/problem-of.js'
import type { Problem } from '../http/problem.js'
import type { ApiServices } from './api-services.js'
import { viewOf } from './job-view.js'
import type { JobEnd, Jobs, JobWork } from './jobs.js'
import { readPrefer, type Prefer } from './prefer.js'
import { recordAccess } from './record-access.js'
import type { Route } from './route.js'

/** The connection stays open for longer than its client waits, so that it gets a response. */
const MARGIN: Milliseconds = 10 * MS_PER_SECOND

export interface LongRequest {
  readonly services: ApiServices
  readonly jobs: Jobs
  readonly route: Route
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  /** Aborted when the client disconnects. */
  readonly client: AbortController
  readonly perform: JobWork['perform']
}

/**
 * Performs a request that may take long: within the time that its client waits, or as a job, if it wants that.
 *
 * @returns the result; undefined: the response is sent, since a job goes on
 * @throws InterdictError API_COMMAND_TIME, API_BUSY, and what `perform` throws
 */
export async function performInTime(long: LongRequest): Promise<unknown> {
  const { request, reply, route, client, perform } = long
  const prefer = readPrefer(request.headers.prefer)
  const { wait, applied } = prefer
  if (applied !== '') void reply.header('preference-applied', applied)
  // Requests that are injected have no socket.
  const socket: Partial<FastifyRequest['socket']> = request.raw.socket
  socket.setTimeout?.(wait + MARGIN)
  if (becomesJob(prefer, route) && request.method === route.method) return performAsJob(long, wait)
  const timer = setTimeout(() => client.abort(failure('API_COMMAND_TIME', wait)), wait)
  try {
    return await perform(client.signal, () => undefined)
  } finally {
    clearTimeout(timer)
  }
}

/** Whether a request that is not done in time goes on without its client. */
export function becomesJob({ async, applied }: Prefer, { job }: Pick<Route, 'job'>): boolean {
  return async || (job === 'always' && applied === '')
}

async function performAsJob(long: LongRequest, wait: Milliseconds): Promise<unknown> {
  const { jobs, route, request, reply, client, perform } = long
  const principal = request.principal!
  const { id: operation, scope } = route
  // The handler of a job must not write the response.
  request.isJob = true
  const { job, ended } = jobs.start(
    { by: principal.name, operation, scope, url: request.url },
    { perform, problemOf: error => problemIn(long, error), onEnd: end => recordEnd(long, end) }
  )
  // A client that does not know the job cannot cancel it.
  const cancel = (): void => jobs.cancel(job.id, principal)
  client.signal.addEventListener('abort', cancel, { once: true })
  await completesWithin(ended, wait)
  client.signal.removeEventListener('abort', cancel)
  const { end } = job
  // A file is fetched from the job, also where it is there in time.
  const isFile = route.produces !== undefined
  if (end === undefined || end.state === 'cancelled' || isFile) {
    void reply.code(202).header('location', `${PREFIX}/jobs/${job.id}`)
    void reply.type('application/json').send(`${JSON.stringify(viewOf(job, principal))}\n`)
    return undefined
  }
  jobs.forget(job)
  if (end.state === 'done') return end.result
  throw end.error
}

function problemIn({ services, route }: LongRequest, error: unknown): Problem {
  const { problem, isFault } = problemOf(error, route.errors)
  if (isFault) services.log.error(serializeError(error), 'HTTP request failed')
  return problem
}

function recordEnd({ services, route, request }: LongRequest, end: JobEnd): void {
  const { url } = request
  const by = request.principal!.name
  const isDone = end.state === 'done'
  recordAccess(services, {
    ...{ route, by, url },
    status: isDone ? 200 : end.problem.status,
    code: isDone ? undefined : end.problem.code,
    personalData: isDone ? end.result : undefined
  })
}
