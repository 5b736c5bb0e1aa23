import { STATUS_CODES } from 'node:http'
import * as z from 'zod'
import { PROBLEM_TYPE, STATUS_OF } from '../http/problem.js'
import { problemSchema } from '../http/problem-schema.js'
import { jobSchema } from './job-view.js'
import { PREFIX } from '../http/api-prefix.js'
import type { Route } from './route.js'
import { SCOPES } from '../tokens/scopes.js'

type Json = Readonly<Record<string, unknown>>

const TAGS: Readonly<Record<string, string>> = {
  api: 'The API itself',
  jobs: 'Requests that go on without their clients: see `Prefer`',
  login: 'Login of people by an OpenID Connect provider, for browsers',
  gateway: 'State of the gateway',
  rules: 'The rules in force, and decisions by them',
  operation: 'What operators do while the gateway runs',
  log: 'Lookups in the query log',
  fleet: 'The fleet of the hub that "admin.hub" names'
}

/** Errors that any route may have. */
const COMMON = [400, 429, 500]
const GUARDED = [401, 403]
const WITH_BODY = [408, 413, 415]
const OF_COMMANDS = [422, 503]

/** The OpenAPI 3.1 document of all routes. */
export function openApiDocument(routes: readonly Route[]): Json {
  const paths: Record<string, Record<string, Json>> = {}
  for (const route of routes)
    (paths[route.path] ??= {})[route.method.toLowerCase()] = operationOf(route)
  const used = new Set(routes.map(({ tag }) => tag))
  return {
    openapi: '3.1.0',
    info: {
      title: 'Interdict HTTP API',
      version: '1',
      description:
        'Reads the state of a gateway, operates it, and proposes rules. See docs/reference/http-api.md.',
      license: { name: 'MIT', url: 'https://opensource.org/license/mit' }
    },
    servers: [{ url: PREFIX }],
    tags: [...used].sort().map(name => ({ name, description: TAGS[name] ?? name })),
    paths,
    components: {
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: `A token of "interdict token create". Scopes: ${SCOPES.join(', ')}.`
        }
      },
      schemas: {
        Problem: schemaOf(problemSchema, 'output'),
        Job: schemaOf(jobSchema, 'output')
      },
      parameters: {
        IfNoneMatch: {
          name: 'If-None-Match',
          in: 'header',
          description: 'The ETag of an earlier response: 304 if nothing has changed since.',
          schema: { type: 'string' }
        },
        Prefer: {
          name: 'Prefer',
          in: 'header',
          description:
            '`wait=N`: how many seconds the client waits, 30 if it does not say. `respond-async`: after that time it takes a job, ' +
            'at once if it does not say how long it waits. RFC 7240',
          schema: { type: 'string' }
        }
      },
      headers: {
        ETag: { description: 'Digest of the body.', schema: { type: 'string' } },
        Location: { description: 'Path of the job.', schema: { type: 'string' } }
      }
    }
  }
}

function operationOf(route: Route): Json {
  const { id, tag, summary, description, scope, params, query } = route
  const parameters = [
    ...parametersOf('path', params),
    ...parametersOf('query', query),
    ...(isConditional(route) ? [{ $ref: '#/components/parameters/IfNoneMatch' }] : []),
    ...(route.job !== undefined ? [{ $ref: '#/components/parameters/Prefer' }] : [])
  ]
  const body = bodyOf(route)
  return {
    operationId: id,
    tags: [tag],
    summary,
    description: [description ?? `${summary}.`, scopeText(scope)].filter(Boolean).join(' '),
    security: scope === null ? [] : [{ bearer: [] }],
    ...(scope !== null && scope !== 'any' && { 'x-scope': scope }),
    ...(parameters.length > 0 && { parameters }),
    ...(body && { requestBody: body }),
    responses: responsesOf(route, body !== undefined)
  }
}

function parametersOf(place: 'path' | 'query', fields: z.ZodObject | undefined): Json[] {
  if (fields === undefined) return []
  const { properties, required = [] } = schemaOf(fields, 'input') as {
    properties: Record<string, Json>
    required?: readonly string[]
  }
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: place,
    required: required.includes(name),
    ...(description !== undefined && { description }),
    schema
  }))
}

function bodyOf({ body, upload }: Route): Json | undefined {
  if (upload !== undefined)
    return { required: true, content: Object.fromEntries(upload.types.map(type => [type, {}])) }
  if (body === undefined) return undefined
  const schema = schemaOf(body, 'input')
  return { required: true, content: { 'application/json': { schema } } }
}

function responsesOf(route: Route, hasBody: boolean): Json {
  const { response, produces, scope, errors = {} } = route
  const status = route.status ?? (response === undefined && produces === undefined ? 204 : 200)
  const types = [produces ?? 'application/json'].flat()
  const hasTag = isConditional(route)
  const headers = hasTag && { headers: { ETag: { $ref: '#/components/headers/ETag' } } }
  const body = response === undefined ? {} : { schema: schemaOf(response, 'output') }
  const content =
    status !== 204 && status !== 302 && Object.fromEntries(types.map(type => [type, body]))
  const failures = new Set([
    ...COMMON,
    ...(scope === null ? [] : GUARDED),
    ...(hasBody ? WITH_BODY : []),
    ...(route.job !== undefined ? OF_COMMANDS : []),
    ...Object.entries(errors).map(([, status]) => status),
    ...(Object.keys(errors) as (keyof typeof STATUS_OF)[]).flatMap(code => STATUS_OF[code] ?? [])
  ])
  const problem = { [PROBLEM_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } }
  return Object.fromEntries([
    [status, { description: 'Success', ...headers, ...(content && { content }) }],
    ...(route.job !== undefined ? [[202, ACCEPTED]] : []),
    ...(hasTag ? [[304, { description: STATUS_CODES[304], ...headers }]] : []),
    ...[...failures]
      .sort()
      .map(status => [status, { description: STATUS_CODES[status], content: problem }])
  ]) as Json
}

const ACCEPTED = {
  description: 'The request goes on as a job',
  headers: { Location: { $ref: '#/components/headers/Location' } },
  content: { 'application/json': { schema: { $ref: '#/components/schemas/Job' } } }
}

function scopeText(scope: Route['scope']): string | undefined {
  if (scope === null) return undefined
  return scope === 'any' ? 'Needs no scope.' : `Needs the scope \`${scope}\`.`
}

/** Whether responses have an entity tag. */
const isConditional = ({ method, response }: Route): boolean =>
  method === 'GET' && response !== undefined

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const json: Record<string, unknown> = {
    ...z.toJSONSchema(schema, { io, unrepresentable: 'any' })
  }
  delete json.$schema
  return json
}
