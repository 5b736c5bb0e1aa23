import { createHash } from 'node:crypto'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { failure } from '../../base/errors/error.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import { serializeError } from '../../base/errors/serialized-error.js'
import { hasBody, isUnchanged, SECURITY_HEADERS, STRICT_TRANSPORT } from '../http/headers.js'
import { PROBLEM_TYPE } from '../http/problem.js'
import { MAX_REASON } from '../../gateway/socket/admin-protocol.js'
import { addBodyParsers } from './bodies.js'
import { Gate, type GateOptions } from './gate.js'
import { problemOf } from '../http/problem-of.js'
import { checkScope, type Principal } from '../tokens/authenticator.js'
import { PREFIX } from '../http/api-prefix.js'
import { Jobs, type JobWork } from './jobs.js'
import { performInTime } from './perform-in-time.js'
import { readPrefer } from './prefer.js'
import { isRecordedStream, recordAccess, recordRead, type Access } from './record-access.js'
import { MAX_JSON, type Route, type RouteContext } from './route.js'
import type { ApiServices } from './api-services.js'
import { parseInput } from './validate.js'

/** Longest value of a parameter in a path: names are at most 253 characters long. */
const MAX_PARAMETER = 256

declare module 'fastify' {
  interface FastifyContextConfig {
    route?: Route
  }
  interface FastifyRequest {
    principal: Principal | undefined
    /** A job records itself when it ends. */
    isJob: boolean
    /** Code of the problem that was sent. */
    problemCode: string | undefined
    /** The return value of the handler, if it is personal data. */
    personalData: unknown
  }
}

type Api = FastifyInstance<Server, IncomingMessage, ServerResponse>

export interface ApiOptions extends Omit<GateOptions, 'log'> {
  readonly routes: readonly Route[]
  readonly services: ApiServices
}

/** The HTTP API: the table of routes, with authentication, limits, validation and errors. */
export async function createApi({ routes, services, ...options }: ApiOptions): Promise<Api> {
  const { log } = services
  const gate = new Gate({ ...options, log })
  const app: Api = fastify<Server>({
    bodyLimit: MAX_JSON,
    routerOptions: { maxParamLength: MAX_PARAMETER },
    // Input is validated by zod before the handler, and output by tests: fastify's compilers are not loaded.
    schemaController: { compilersFactory: { buildValidator: unused, buildSerializer: unused } },
    frameworkErrors: (error, request, reply) => void sendProblem(error, request, reply, log)
  })
  addBodyParsers(app)
  app.decorateRequest('principal', undefined)
  app.decorateRequest('isJob', false)
  app.decorateRequest('problemCode', undefined)
  app.decorateRequest('personalData', undefined)
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(SECURITY_HEADERS)
    if ('encrypted' in request.socket) reply.headers(STRICT_TRANSPORT)
    const { route } = request.routeOptions.config
    request.principal = gate.admit(request.raw, route)
    checkScope(request.principal, route?.scope ?? null)
    // Before the body is read, whose media type would otherwise be refused first.
    if (request.is404) refuseUnknown(routes, request.url, reply)
  })
  app.addHook('onResponse', async (request, { statusCode }) => {
    const { route } = request.routeOptions.config
    if (route !== undefined && !request.isJob)
      recordAccess(services, accessOf(route, request, statusCode), isRecordedStream(route))
  })
  app.setErrorHandler((error, request, reply) => {
    if (!reply.raw.headersSent) return sendProblem(error, request, reply, log)
    // In the middle of a stream, which ends here.
    log.error(serializeError(error), 'HTTP response failed')
    reply.hijack()
    return reply.raw.destroy()
  })
  const jobs = new Jobs(options.clock)
  for (const route of routes) addRoute(app, route, services, jobs)
  await app.ready()
  return app
}

const unused = Function.prototype as () => never

function addRoute(app: Api, route: Route, services: ApiServices, jobs: Jobs): void {
  const { method, path, upload, produces } = route
  app.route({
    method,
    url: PREFIX + path.replaceAll(/\{(\w+)\}/g, ':$1'),
    config: { route },
    // What a handler writes by itself may have no end.
    exposeHeadRoute: hasHead(route),
    bodyLimit: upload?.maxSize ?? MAX_JSON,
    handler: async (request, reply) => {
      const input = parseInput(route, request)
      const client = disconnection(reply.raw)
      const perform: JobWork['perform'] = (signal, onProgress) => {
        const { principal, raw } = request
        const response = reply.raw
        const { isJob } = request
        const context = { services, jobs, principal, signal, isJob, request: raw, response }
        const command: RouteContext['command'] = (name, sent) =>
          services.command(name, sent, signal, onProgress)
        const report: RouteContext['report'] = sent => services.report(sent, signal, onProgress)
        const exported: RouteContext['exported'] = sent => take =>
          services.exported(sent, take, signal, onProgress)
        return route.handler(input, { ...context, command, report, exported })
      }
      const performNow = (): Promise<unknown> => perform(client.signal, () => undefined)
      const wantsJob = route.job !== undefined && readPrefer(request.headers.prefer).async
      if (produces !== undefined && !wantsJob)
        return stream({ services, route, request, reply }, performNow)
      const result = await (route.job !== undefined
        ? performInTime({ services, jobs, route, request, reply, client, perform })
        : performNow())
      return reply.sent ? reply : send(route, request, reply, result)
    }
  })
}

/** Sends the result of a handler. */
function send(
  route: Route,
  request: FastifyRequest,
  reply: FastifyReply,
  result: unknown
): FastifyReply {
  const status = route.status ?? (route.response === undefined ? 204 : 200)
  if (route.rowsRead !== undefined) request.personalData = result
  const json = status === 204 ? undefined : `${JSON.stringify(result)}\n`
  if (route.method === 'GET' && json !== undefined) {
    const etag = `"${createHash('sha256').update(json).digest('base64url')}"`
    void reply.header('etag', etag)
    if (isUnchanged(request.raw, etag)) return reply.code(304).send()
  }
  if (json === undefined) return reply.code(status).send()
  return reply.code(status).type('application/json').send(json)
}

interface Streamed {
  readonly services: ApiServices
  readonly route: Route
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

/** Lets a handler write the response by itself. */
async function stream(
  { services, route, request, reply }: Streamed,
  perform: () => Promise<unknown>
): Promise<FastifyReply> {
  for (const [name, value] of Object.entries(reply.getHeaders())) reply.raw.setHeader(name, value!)
  reply.raw.setHeader('content-type', String([route.produces!].flat()[0]))
  const result = await perform()
  if (isRecordedStream(route)) {
    const record = (): void => recordRead(services, accessOf(route, request, 200))
    // It may last for days, and its client may be gone before its end.
    record()
    reply.raw.once('close', record)
  }
  request.personalData = result
  return reply.hijack()
}

function accessOf(route: Route, request: FastifyRequest, status: number): Access {
  const { principal, problemCode: code, url, personalData } = request
  const { reason } = (request.body ?? {}) as { readonly reason?: unknown }
  const why = typeof reason === 'string' ? reason.slice(0, MAX_REASON) : undefined
  return { route, by: principal?.name ?? null, url, status, code, reason: why, personalData }
}

const hasHead = ({ method, produces }: Route): boolean => method === 'GET' && produces === undefined

function disconnection(response: ServerResponse): AbortController {
  const controller = new AbortController()
  response.once('close', () => {
    if (!response.writableFinished)
      controller.abort(failure('API_COMMAND', 'the client has disconnected'))
  })
  return controller
}

/** @throws InterdictError API_NOT_FOUND; API_METHOD if the path has other methods */
function refuseUnknown(routes: readonly Route[], url: string, reply: FastifyReply): never {
  const allowed = allowedMethods(routes, url)
  if (allowed.length === 0) throw failure('API_NOT_FOUND', 'resource')
  void reply.header('allow', allowed.join(', '))
  throw failure('API_METHOD', allowed.join(', '))
}

/** Methods of the routes with this path. */
function allowedMethods(routes: readonly Route[], url: string): readonly string[] {
  const [path] = url.split('?', 1)
  const matching = routes.filter(route => {
    const pattern = (PREFIX + route.path).replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')
    return new RegExp(`^${pattern}$`).test(path!)
  })
  return [...new Set(matching.flatMap(it => (hasHead(it) ? ['GET', 'HEAD'] : [it.method])))]
}

function sendProblem(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  log: ServiceLog
): FastifyReply {
  const { problem, headers, isFault } = problemOf(error, request.routeOptions.config.route?.errors)
  request.problemCode = problem.code
  if (isFault) log.error(serializeError(error), 'HTTP request failed')
  void reply.headers(headers)
  // The rest of a body that nobody reads would keep the connection busy.
  if (hasBody(request.raw)) void reply.header('connection', 'close')
  return reply
    .code(problem.status)
    .type(PROBLEM_TYPE)
    .send(`${JSON.stringify(problem)}\n`)
}
