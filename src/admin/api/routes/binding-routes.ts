import { isUtf8 } from 'node:buffer'
import * as z from 'zod'
import { failure } from '../../../base/errors/error.js'
import type { Octets } from '../../../base/units.js'
import type { PushResult } from '../../../gateway/bindings/binding-messages.js'
import type { Milliseconds } from '../../../base/units.js'
import { InvalidInput } from '../../http/problem-of.js'
import { defineRoute, type RouteContext } from '../route.js'

/** About a hundred thousand bindings. */
const MAX_BODY: Octets = 16 * 2 ** 20
/** To read that many takes a second or two, more on a busy machine. */
const PUSH_TIMEOUT: Milliseconds = 20_000

const common = {
  path: '/bindings/{feed}',
  tag: 'operations',
  scope: 'devices',
  isFrequent: true,
  params: z.strictObject({
    feed: z.string().min(1).max(63).describe('Name of a feed with `http: true`')
  }),
  upload: { types: ['application/x-ndjson'], maxSize: MAX_BODY },
  response: z.object({
    lines: z.int(),
    refused: z.int().describe('Above `bindings.limit`'),
    late: z.int().describe('Older than the binding in force')
  }),
  errors: { API_NOT_FOUND: 404, BINDINGS_REFUSED: 422, BINDINGS_FEED: 503 }
} as const

export const bindingRoutes = [
  defineRoute({
    ...common,
    method: 'POST',
    id: 'addBindings',
    summary: 'Begin, renew and end bindings of a feed',
    description: 'JSON lines. All of them count, or none if one is wrong.',
    handler: ({ params, body }, context) => push(params.feed, body, false, context)
  }),
  defineRoute({
    ...common,
    method: 'PUT',
    id: 'replaceBindings',
    summary: 'Replace all bindings of a feed: others end',
    description: 'JSON lines. All of them count, or none if one is wrong.',
    handler: ({ params, body }, context) => push(params.feed, body, true, context)
  })
]

/** @throws InterdictError API_NOT_FOUND, BINDINGS_REFUSED, BINDINGS_FEED */
async function push(
  feed: string,
  body: Buffer | undefined,
  isWhole: boolean,
  { services }: RouteContext
): Promise<object> {
  const { feeds } = services.config.bindings
  if (!feeds.some(({ name, http }) => http && name === feed))
    throw failure('API_NOT_FOUND', `feed of bindings ${feed} with http: true`)
  const octets = body ?? Buffer.of()
  if (!isUtf8(octets)) throw new InvalidInput([{ path: 'body', problem: 'not UTF-8' }])
  const request = { do: 'bindings', feed, body: shared(octets), isWhole } as const
  const result = await services.control<PushResult>(request, PUSH_TIMEOUT)
  if ('wrong' in result)
    throw failure('BINDINGS_REFUSED', feed, result.errors.join('; '), result.wrong)
  return result
}

/** Passed on between threads without a copy. */
function shared(octets: Buffer): Uint8Array<SharedArrayBuffer> {
  const copy = new Uint8Array(new SharedArrayBuffer(octets.length))
  copy.set(octets)
  return copy
}
