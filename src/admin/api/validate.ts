import type { FastifyRequest } from 'fastify'
import type * as z from 'zod'
import { expected } from '../../policy/yaml/expected.js'
import { documentIssues, showPath } from '../../policy/yaml/issues.js'
import type { ProblemIssue } from '../http/problem.js'
import { InvalidInput } from '../http/problem-of.js'
import type { Route } from './route.js'

type Input = Parameters<Route['handler']>[0]

/** @throws InvalidInput with what is wrong in all parts of the request */
export function parseInput(route: Route, request: FastifyRequest): Input {
  const issues: ProblemIssue[] = []
  const parse = (part: string, schema: z.ZodType | undefined, value: unknown): unknown => {
    if (schema === undefined) return undefined
    const parsed = schema.safeParse(value, { error: expected })
    if (parsed.success) return parsed.data
    for (const { path, problem } of documentIssues(parsed.error.issues, value))
      issues.push({ path: path.length === 0 ? part : `${part}.${showPath(path)}`, problem })
    return undefined
  }
  const params = parse('path', route.params, request.params)
  const query = parse('query', route.query, request.query)
  const body = route.upload === undefined ? parse('body', route.body, request.body) : request.body
  if (route.upload !== undefined && !Buffer.isBuffer(body))
    issues.push({ path: 'body', problem: `missing; expected ${route.upload.types.join(', ')}` })
  if (issues.length > 0) throw new InvalidInput(issues)
  return { params, query, body } as Input
}
