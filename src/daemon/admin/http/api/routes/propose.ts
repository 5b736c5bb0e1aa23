import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import * as z from 'zod'
import { writeFileAtomic } from '../../../../../base/atomic-file.js'
import { failure, InterdictError } from '../../../../../base/error.js'
import type { Octets } from '../../../../../base/units.js'
import { readTrustedKeys } from '../../../../../sources/bundle/trusted-keys.js'
import { Candidate, FOLDER_TYPE } from '../candidate.js'
import { defineRoute, type RouteContext } from '../route.js'
import { reloadRules } from './operate.js'

const MAX_CANDIDATE: Octets = 64 * 2 ** 20
const BUNDLE_TYPE = 'application/octet-stream'

const problem = z.object({ code: z.string(), message: z.string() })
const check = z.looseObject({
  ok: z.boolean(),
  errors: z.array(z.looseObject({ code: z.string(), message: z.string() })),
  warnings: z.array(z.looseObject({ code: z.string(), message: z.string() }))
})

/** Runs what needs a candidate on disk, and removes it. */
async function withCandidate<Result>(
  octets: Buffer,
  isFolder: boolean,
  { services }: RouteContext,
  use: (path: string) => Promise<Result>
): Promise<Result> {
  const candidate = new Candidate(services.config.state.folder, octets, isFolder)
  try {
    return await use(candidate.path)
  } finally {
    candidate.remove()
  }
}

/** The effect on recorded lookups; why it is not known, for example because the log is too long. */
async function replay(path: string, { services, signal }: RouteContext): Promise<unknown> {
  const { which, path: log } = services.config.log.queries
  if (which === 'none') return null
  try {
    return await services.command(['replay', dirname(log), '--rules', path, '--json'], signal)
  } catch (error) {
    const { code, message } = error as InterdictError
    return { code, message }
  }
}

export const proposeRoutes = [
  defineRoute({
    method: 'POST',
    path: '/rules/candidate',
    id: 'checkCandidate',
    tag: 'rules',
    summary: 'What rules would change, without putting them in force',
    description:
      `The body is a bundle, signed or not, or a rules folder as ${FOLDER_TYPE}: an object of paths ` +
      'and texts. `check`, `diff` and `replay` are as of the commands. Nothing is kept.',
    scope: 'read',
    query: z.strictObject({
      replay: z
        .enum(['true', 'false'])
        .default('true')
        .describe('Whether recorded lookups are judged, too')
    }),
    upload: { types: [BUNDLE_TYPE, FOLDER_TYPE], maxSize: MAX_CANDIDATE },
    response: z.object({
      check,
      diff: z.looseObject({}).nullable().describe('Null: the candidate has errors'),
      replay: z
        .union([problem, z.looseObject({})])
        .nullable()
        .describe('Null: not wanted, no log, or the candidate has errors')
    }),
    errors: { CANDIDATE_FOLDER: 422 },
    handler: ({ query, body }, context) => {
      const { services, signal, request } = context
      const isFolder = request.headers['content-type']?.startsWith(FOLDER_TYPE) === true
      return withCandidate(body ?? Buffer.of(), isFolder, context, async path => {
        const found = await services.command(['check', path, '--json'], signal, true)
        const checked = check.parse(found)
        if (!checked.ok) return { check: checked, diff: null, replay: null }
        const words = ['diff', services.config.rules, path, '--json']
        const diff = await services.command(words, signal, true)
        return {
          check: checked,
          diff,
          replay: query.replay === 'true' ? await replay(path, context) : null
        }
      })
    }
  }),
  defineRoute({
    method: 'PUT',
    path: '/rules/bundle',
    id: 'activateBundle',
    tag: 'rules',
    summary: 'Put a signed bundle in force',
    description:
      'It replaces the bundle that the settings name, if it has enough trusted signatures, and has to ' +
      'be accepted like any other: with a higher serial, for example. A rules folder is not changed.',
    scope: 'policy',
    upload: { types: [BUNDLE_TYPE], maxSize: MAX_CANDIDATE },
    response: z.object({
      outcome: z.enum(['accepted', 'unchanged', 'refused']),
      first: z.array(problem).describe('The first errors; the previous rules stay in force')
    }),
    errors: { BUNDLE_NOT_USED: 409 },
    handler: ({ body }, context) => {
      const { services, signal } = context
      const { rules: place, bundle: trust } = services.config
      if (trust === undefined) throw failure('BUNDLE_NOT_USED')
      return withCandidate(body ?? Buffer.of(), false, context, async path => {
        const { keys, signatures } = await readTrustedKeys(trust)
        const words = ['bundle', 'verify', path, '--signatures', String(signatures), '--json']
        await services.command([...words, '--trust', ...keys], signal)
        writeFileAtomic(place, readFileSync(path))
        const { outcome, first } = await reloadRules(services)
        return { outcome, first }
      })
    }
  })
]
