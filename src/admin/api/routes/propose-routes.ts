import { existsSync, readFileSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import * as z from 'zod'
import { writeFileAtomic } from '../../../base/files/atomic-file.js'
import { failure, InterdictError } from '../../../base/errors/error.js'
import { systemClock } from '../../../base/time/clock.js'
import type { Octets } from '../../../base/units.js'
import { REQUESTS } from '../../../gateway/processes/requests.js'
import { bundleTrust } from '../../../gateway/compiler/rules-location.js'
import { readTrustedKeys } from '../../../sources/bundle/read-trust.js'
import { draftOfBundle, noteApplied } from '../bundle-draft.js'
import { Candidate, FOLDER_TYPE } from '../candidate.js'
import { configuredContent } from '../configured-content.js'
import { judgedRows } from '../judged-rows.js'
import { defineRoute, type RouteContext } from '../route.js'
import type { ApiServices } from '../api-services.js'
import { reloadRules } from './operate-routes.js'

const MAX_CANDIDATE: Octets = 64 * 2 ** 20
const BUNDLE_TYPE = 'application/octet-stream'

const problem = z.object({ code: z.string(), message: z.string() })

/** Runs what needs a candidate on disk, and removes it. */
async function withCandidate<Result>(
  octets: Buffer,
  { services, request }: RouteContext,
  base: Base,
  use: (path: string, candidate: Candidate) => Promise<Result>
): Promise<Result> {
  const isFolder = request.headers['content-type']?.startsWith(FOLDER_TYPE) === true
  const files = isFolder && base === 'active' ? await configuredContent(services.config) : undefined
  const candidate = new Candidate(services.config.state.folder, octets, isFolder, files)
  try {
    return await use(candidate.path, candidate)
  } catch (error) {
    if (!(error instanceof InterdictError)) throw error
    const { code, message } = error as InterdictError
    throw new InterdictError(code, candidate.withoutFolder(message))
  } finally {
    candidate.remove()
  }
}

/** Lookups of a sample: enough to find what one in 10,000 has, in less than a second. */
const SAMPLE = 50_000

/** The effect on recorded lookups; why it is not known, for example because the log is too long. */
async function replay(
  path: string,
  { services, command, signal }: RouteContext,
  sample: number | undefined
): Promise<unknown> {
  const { which, path: log } = services.config.log.queries
  if (which === 'none') return null
  try {
    const wanted = { logs: [dirname(log)], rules: path, confined: true }
    return await command('replay', sample === undefined ? wanted : { ...wanted, sample })
  } catch (error) {
    const { code, message } = error as InterdictError
    if (signal.aborted && code !== 'API_COMMAND_TIME') throw error
    return { code, message }
  }
}

/**
 * Offers a bundle to the gateway. If it is refused, the earlier one takes its place again.
 *
 * @param place where the settings name it
 */
async function offerBundle(
  services: ApiServices,
  place: string,
  octets: Buffer,
  by: string
): ReturnType<typeof reloadRules> {
  const earlier = existsSync(place) ? readFileSync(place) : undefined
  writeFileAtomic(place, octets)
  const result = await reloadRules(services, by)
  // Unless somebody else has changed it meanwhile.
  const isOurs = existsSync(place) && readFileSync(place).equals(octets)
  if (result.outcome === 'refused' && isOurs) {
    if (earlier === undefined) rmSync(place)
    else writeFileAtomic(place, earlier)
  }
  return result
}

/** What a candidate folder changes: nothing, it is complete; or some files of the rules in force. */
const base = z
  .enum(['none', 'active'])
  .default('none')
  .describe('`active`: the folder has only files that differ from the configured rules')
type Base = z.output<typeof base>

/** Larger files, such as lists, are not edited by hand. */
const MAX_EDITED: Octets = 256 * 1024

export const proposeRoutes = [
  defineRoute({
    method: 'GET',
    path: '/rules/files',
    id: 'listRuleFiles',
    tag: 'rules',
    summary: 'The files of the configured rules',
    description: 'Without the text of those that are larger than 256 KB.',
    scope: 'read',
    response: z.object({
      bundle: z.boolean().describe('Whether the rules come from a bundle'),
      files: z.array(z.object({ path: z.string(), size: z.int(), text: z.string().nullable() }))
    }),
    handler: async (_, { services: { config } }) => {
      const content = await configuredContent(config)
      const files = [...content].map(([path, octets]) => {
        const text = octets.length > MAX_EDITED ? null : Buffer.from(octets).toString()
        return { path, size: octets.length, text }
      })
      return { bundle: config.bundle !== undefined, files }
    }
  }),
  defineRoute({
    method: 'POST',
    path: '/rules/candidate/bundle',
    id: 'packCandidate',
    isChange: false,
    tag: 'rules',
    summary: 'Pack a rules folder as a bundle to be signed',
    description: 'As "interdict bundle create" without a key. Nothing is kept.',
    scope: 'read',
    query: z.strictObject({
      base,
      days: z
        .string()
        .regex(/^[1-9]\d{0,4}$/, 'a number of days')
        .default('365')
        .describe('Until it expires')
    }),
    upload: { types: [FOLDER_TYPE], maxSize: MAX_CANDIDATE },
    produces: BUNDLE_TYPE,
    errors: { CANDIDATE_FOLDER: 422 },
    handler: ({ query, body }, context) => {
      const { command, response } = context
      return withCandidate(body ?? Buffer.of(), context, query.base, async path => {
        const output = `${path}.bundle`
        const request = { folder: path, output, days: Number(query.days) }
        await command('bundle create', request)
        response.end(readFileSync(output))
      })
    }
  }),
  defineRoute({
    method: 'POST',
    path: '/rules/candidate',
    id: 'checkCandidate',
    isChange: false,
    tag: 'rules',
    summary: 'What rules would change, without putting them in force',
    description:
      `The body is a bundle, signed or not, or a rules folder as ${FOLDER_TYPE}: an object of paths ` +
      'and texts; no file outside it is read. `check`, `diff` and `replay` are as of the commands. Nothing is kept.',
    scope: 'read',
    query: z.strictObject({
      base,
      diff: z
        .enum(['true', 'false'])
        .default('true')
        .describe('`false`: errors and warnings alone, for editors; nothing is replayed either'),
      replay: z
        .enum(['true', 'false', 'sample'])
        .default('true')
        .describe(
          'Whether recorded lookups are judged, too. `sample`: some chosen at random, with an `estimate` of all and ' +
            'its bounds with 95% confidence, in the time of one reading of the log'
        )
    }),
    upload: { types: [BUNDLE_TYPE, FOLDER_TYPE], maxSize: MAX_CANDIDATE },
    response: z.object({
      check: REQUESTS.check.result,
      diff: z.looseObject({}).nullable().describe('Null: not wanted, or the candidate has errors'),
      replay: z
        .union([problem, z.looseObject({})])
        .nullable()
        .describe('Null: not wanted, no log, or the candidate has errors')
    }),
    job: 'always',
    rowsRead: result => judgedRows((result as { readonly replay: unknown }).replay),
    errors: { CANDIDATE_FOLDER: 422 },
    handler: ({ query, body }, context) => {
      const { services, command } = context
      return withCandidate(body ?? Buffer.of(), context, query.base, async (path, candidate) => {
        const found = await command('check', { rules: path, confined: true })
        const checked = candidate.withoutFolder(found)
        if (!checked.ok || query.diff === 'false')
          return { check: checked, diff: null, replay: null }
        const sample = query.replay === 'sample' ? SAMPLE : undefined
        const compared = { old: services.config.rules, new: path, confined: true }
        return {
          check: checked,
          diff: await command('diff', compared),
          replay: query.replay === 'false' ? null : await replay(path, context, sample)
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
      'be accepted like any other: with a higher serial, for example. If it is refused, the earlier bundle ' +
      'takes its place again. A rules folder is not changed. A draft that the bundle has is put in force; with ' +
      '`admin.approval: second-person` the bundle must be the configured rules with one approved draft.',
    scope: 'policy',
    upload: { types: [BUNDLE_TYPE], maxSize: MAX_CANDIDATE },
    response: z.object({
      outcome: z.enum(['accepted', 'unchanged', 'refused']),
      first: z.array(problem).describe('The first errors; the previous rules stay in force')
    }),
    errors: { BUNDLE_NOT_USED: 409, DRAFT_NEEDED: 409 },
    job: true,
    handler: ({ body }, context) => {
      const { services, command, principal } = context
      const { rules: place } = services.config
      const trust = bundleTrust(services.config)
      if (trust === undefined) throw failure('BUNDLE_NOT_USED')
      return withCandidate(body ?? Buffer.of(), context, 'none', async path => {
        const { keys, signatures } = await readTrustedKeys(trust)
        const request = { path, trust: [...keys], signatures }
        await command('bundle verify', request)
        const octets = readFileSync(path)
        const draft = await draftOfBundle(octets, services.config)
        const by = principal!.name
        const { outcome, first } = await offerBundle(services, place, octets, by)
        if (draft !== undefined && outcome === 'accepted')
          noteApplied(draft, services.config, by, new Date(systemClock.wall()).toISOString())
        return { outcome, first }
      })
    }
  })
]
