import { deserialize } from 'node:v8'
import * as z from 'zod'
import { failure, type InterdictError } from '../../base/errors/error.js'
import { expected } from '../../policy/yaml/expected.js'
import { documentIssues, showPath } from '../../policy/yaml/issues.js'
import type { Config } from '../config/config.js'
import type { Job } from './commands.js'
import { REQUESTS, type ParsedRequest, type RequestName, type ResultOf } from './requests.js'

const names = Object.keys(REQUESTS) as [RequestName, ...RequestName[]]
const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null
const job: z.ZodType<Job> = z.strictObject({
  settings: z.custom<Config>(isObject, 'settings'),
  file: z.string().optional(),
  memory: z.int().positive(),
  name: z.enum(names),
  request: z.unknown()
})

/** A request as it is performed. */
export interface ParsedJob extends Job {
  readonly request: ParsedRequest<RequestName>
}

/** The message that a process receives. @throws InterdictError API_COMMAND */
export function decodeJob(octets: Buffer): ParsedJob {
  const found = parse(job, 'message', decoded(octets))
  const { name, request } = found
  const parsed = parse<unknown>(REQUESTS[name].request, `request "${name}"`, request)
  return { ...found, request: parsed as ParsedRequest<RequestName> }
}

function decoded(octets: Buffer): unknown {
  try {
    return deserialize(octets)
  } catch {
    throw failure('API_COMMAND', 'invalid message: not one of a gateway')
  }
}

/** The message that a process sends: JSON, in which integers beyond 2^53 are strings. */
export function encodeReply(reply: { readonly result: unknown } | InterdictError): string {
  if ('code' in reply) {
    const { code, message, position } = reply
    return JSON.stringify({ error: { code, message, position } })
  }
  return JSON.stringify(reply, (_key, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value
  )
}

/** Validates the result that a process sent, without changing it. @throws InterdictError API_COMMAND */
export function checkResult<Name extends RequestName>(name: Name, result: unknown): ResultOf<Name> {
  parse<unknown>(REQUESTS[name].result, `result of "${name}"`, result)
  return result as ResultOf<Name>
}

function parse<Value>(schema: z.ZodType<Value>, what: string, value: unknown): Value {
  const parsed = schema.safeParse(value, { error: expected })
  if (parsed.success) return parsed.data
  const { path, problem } = documentIssues(parsed.error.issues, value)[0]!
  const where = path.length === 0 ? '' : `${showPath(path)}: `
  throw failure('API_COMMAND', `invalid ${what}: ${where}${problem}`)
}
