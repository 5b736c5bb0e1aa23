import { createHash } from 'node:crypto'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { failure } from '../../base/errors/error.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import { serializeError } from '../../base/errors/serialized-error.js'
import { hasBody, isUnchanged, SECURITY_HEADERS, STRICT_TRANSPORT } from '../http/headers.js'
import { PROBLEM_TYPE } from '../http/problem.js'
import { addBodyParsers } from './bodies.js'
import { Gate, type GateOptions } from './gate.js'
import { problemOf } from '../http/problem-of.js'
import type { Principal } from '../tokens/authenticator.js'
import { PREFIX } from '../http/api-prefix.js'
import { MAX_JSON, type Route } from './route.js'
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
  app.decorateRequest('problemCode', undefined)
  app.decorateRequest('personalData', undefined)
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(SECURITY_HEADERS)
    if ('encrypted' in request.socket) reply.headers(STRICT_TRANSPORT)
    request.principal = gate.admit(request.raw, request.routeOptions.config.route)
    // Before the body is read, whose media type would otherwise be refused first.
    if (request.is404) refuseUnknown(routes, request.url, reply)
  })
  app.addHook('onResponse', async (request, { statusCode }) => {
    const { route } = request.routeOptions.config
    if (route !== undefined && route.method !== 'GET')
      recordChange(services, route, request, statusCode)
    if (route?.rowsRead !== undefined && (!isRecordedStream(route) || statusCode >= 400))
      recordRead(services, route, request)
  })
  app.setErrorHandler((error, request, reply) => {
    if (!reply.raw.headersSent) return sendProblem(error, request, reply, log)
    // In the middle of a stream, which ends here.
    log.error(serializeError(error), 'HTTP response failed')
    reply.hijack()
    return reply.raw.destroy()
  })
  for (const route of routes) addRoute(app, route, services)
  await app.ready()
  return app
}

/** Maximum number of recorded characters of a query. */
const MAX_FILTER = 1_000

const unused = Function.prototype as () => never

function addRoute(app: Api, route: Route, services: ApiServices): void {
  const { method, path, upload, response, produces } = route
  const status = route.status ?? (response === undefined && produces === undefined ? 204 : 200)
  app.route({
    method,
    url: PREFIX + path.replaceAll(/\{(\w+)\}/g, ':$1'),
    config: { route },
    // What a handler writes by itself may have no end.
    exposeHeadRoute: hasHead(route),
    bodyLimit: upload?.maxSize ?? MAX_JSON,
    handler: async (request, reply) => {
      const input = parseInput(route, request)
      const signal = disconnection(reply.raw)
      const { principal } = request
      const raw = { request: request.raw, response: reply.raw }
      if (produces === undefined) {
        const result = await route.handler(input, { services, principal, signal, ...raw })
        if (route.rowsRead !== undefined) request.personalData = result
        const json = status === 204 ? undefined : `${JSON.stringify(result)}\n`
        if (method === 'GET' && json !== undefined) {
          const etag = `"${createHash('sha256').update(json).digest('base64url')}"`
          void reply.header('etag', etag)
          if (isUnchanged(request.raw, etag)) return reply.code(304).send()
        }
        return reply.code(status).type('application/json').send(json)
      }
      for (const [name, value] of Object.entries(reply.getHeaders()))
        reply.raw.setHeader(name, value!)
      reply.raw.setHeader('content-type', produces)
      const result = await route.handler(input, { services, principal, signal, ...raw })
      if (isRecordedStream(route)) {
        // It may last for days, and its client may be gone before its end.
        recordRead(services, route, request)
        reply.raw.once('close', () => recordRead(services, route, request))
      }
      request.personalData = result
      return reply.hijack()
    }
  })
}

const isRecordedStream = ({ produces, rowsRead }: Route): boolean =>
  produces === 'text/event-stream' && rowsRead !== undefined

const hasHead = ({ method, produces }: Route): boolean => method === 'GET' && produces === undefined

function disconnection(response: ServerResponse): AbortSignal {
  const controller = new AbortController()
  response.once('close', () => {
    if (!response.writableFinished) controller.abort()
  })
  return controller.signal
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

/** All that is changed through the API is logged, with who did it. */
function recordChange(
  { log, changes }: ApiServices,
  { id }: Route,
  { principal, problemCode, method, url }: FastifyRequest,
  status: number
): void {
  const [path] = url.split('?', 1)
  const by = principal?.name ?? null
  const fields = { by, operation: id, route: `${method} ${path}`, status }
  // Without a name anybody could fill the audit trail.
  if (by !== null) changes.record({ by, operation: id, subject: path!, code: problemCode ?? null })
  if (problemCode === undefined) log.info(fields, 'change through the HTTP API')
  else log.warn({ ...fields, code: problemCode }, 'change through the HTTP API refused')
}

/** Records reads of personal data through the API: the reader, the request and the number of rows. */
function recordRead(
  { log, reads }: ApiServices,
  { id, rowsRead }: Route,
  { principal, problemCode, personalData, url }: FastifyRequest
): void {
  const by = principal?.name ?? null
  if (by === null) return
  const [path, query = ''] = url.split('?', 2)
  const filter = [...new URLSearchParams(query)].map(pair => pair.join('=')).join(' ')
  const code = problemCode ?? null
  const rows = personalData === undefined ? null : rowsRead!(personalData)
  reads.record({
    by,
    operation: id,
    subject: path!,
    filter: filter.slice(0, MAX_FILTER),
    rows,
    code
  })
  log.info({ by, operation: id, filter, rows, code }, 'lookups read through the HTTP API')
}
