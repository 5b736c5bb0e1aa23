import * as z from 'zod'
import { failure } from '../../../base/errors/error.js'
import { systemClock } from '../../../base/time/clock.js'
import {
  digestsOf,
  DraftStore,
  MAX_DRAFT,
  outdatedFiles
} from '../../../policy/edit/draft-store.js'
import type { Draft } from '../../../policy/edit/draft-store.js'
import { editNetworks } from '../../../policy/edit/edit-rules.js'
import { fileDiff } from '../../../policy/edit/line-diff.js'
import { MAX_EDITS, policyEditSchema } from '../../../policy/edit/policy-edit.js'
import { NETWORKS_FILE } from '../../../policy/rules/model/folder.js'
import type { Content } from '../../../sources/bundle/content.js'
import { FOLDER_TYPE, readFolder } from '../candidate.js'
import { readConfigured } from '../configured-content.js'
import { defineRoute, type RouteContext } from '../route.js'

const step = z.object({ by: z.string(), at: z.string() })
const summary = {
  id: z.string(),
  title: z.string(),
  reason: z.string(),
  made: step,
  approved: step.nullable(),
  applied: step.nullable(),
  files: z.array(z.string()).describe('Paths of the changed files'),
  outdated: z.array(z.string()).describe('Files that have changed since'),
  ready: z.boolean().describe('Whether "interdict apply" takes it')
}
/** A draft as the API returns it. */
export const draftView = z.object({
  ...summary,
  diff: z.string().describe('Unified, against the files as they are now'),
  texts: z.record(z.string(), z.string())
})

const params = z.strictObject({ id: z.string().max(40).describe('Id of the draft') })
const text = z
  .string()
  .trim()
  .min(1)
  .max(500)
  .regex(/^\P{Cc}*$/u, 'a text on one line')
const common = { tag: 'rules' } as const

const storeOf = ({ services }: RouteContext): DraftStore =>
  new DraftStore(services.config.state.folder)

const textIn = (content: Content, name: string): string | undefined => {
  const octets = content.get(name)
  return octets === undefined ? undefined : Buffer.from(octets).toString()
}

function summaryOf(draft: Draft, content: Content, { services }: RouteContext) {
  const { id, title, reason, made, approved, applied, files } = draft
  const names = Object.keys(files)
  const outdated = outdatedFiles(
    draft,
    digestsOf(names, name => content.get(name))
  )
  const isApproved = approved !== null || services.config.admin.approval === 'none'
  const ready = isApproved && applied === null && outdated.length === 0
  return {
    ...{ id, title, reason, made, approved, applied, files: names },
    outdated: applied === null ? outdated : [],
    ready
  }
}

async function wholeOf(draft: Draft, context: RouteContext) {
  const content = await readConfigured(context.services.config, Object.keys(draft.files))
  const diffs = Object.entries(draft.files).map(([name, after]) =>
    fileDiff(name, textIn(content, name), after)
  )
  return { ...summaryOf(draft, content, context), diff: diffs.join(''), texts: draft.files }
}

const now = (): string => new Date(systemClock.wall()).toISOString()

export const draftRoutes = [
  defineRoute({
    ...common,
    method: 'POST',
    path: '/rules/edits',
    id: 'makeEdits',
    isChange: false,
    summary: 'The text of networks.yaml with something added, and the changed lines',
    description: 'As "interdict exception add" and its siblings. Nothing is stored.',
    scope: 'read',
    body: z.strictObject({ edits: z.array(policyEditSchema).min(1).max(MAX_EDITS) }),
    response: z.object({ file: z.string(), text: z.string(), diff: z.string() }),
    errors: { EDIT_NETWORK: 422, EDIT_EXISTS: 409, EDIT_PLACE: 422, EDIT_VALUES: 422 },
    handler: async ({ body }, { services: { config } }) => {
      const content = await readConfigured(config, [NETWORKS_FILE])
      return editNetworks(textIn(content, NETWORKS_FILE) ?? '', body.edits)
    }
  }),
  defineRoute({
    ...common,
    method: 'GET',
    path: '/rules/drafts',
    id: 'listDrafts',
    summary: 'Drafts: proposed changes of the rules',
    scope: 'read',
    response: z.object({
      approval: z.enum(['none', 'second-person']),
      bundle: z
        .boolean()
        .describe(
          'Whether the rules come from a bundle: then a signed bundle puts drafts in force'
        ),
      drafts: z.array(z.object(summary))
    }),
    handler: async (_, context) => {
      const drafts = storeOf(context).list()
      const names = drafts.flatMap(({ files }) => Object.keys(files))
      const content = await readConfigured(context.services.config, names)
      const { admin, bundle } = context.services.config
      const { approval } = admin
      return {
        ...{ approval, bundle: bundle !== undefined },
        drafts: drafts.map(draft => summaryOf(draft, content, context))
      }
    }
  }),
  defineRoute({
    ...common,
    method: 'POST',
    path: '/rules/drafts',
    id: 'makeDraft',
    summary: 'Store a draft',
    description:
      'The body has the new texts of changed files. Nothing is in force until the owner of the rules folder runs ' +
      '"interdict apply DRAFT", or a signed bundle with it is sent to /rules/bundle.',
    scope: 'operate',
    query: z.strictObject({
      title: text.describe('What the draft changes'),
      reason: text.describe('Why, for the one who approves it')
    }),
    upload: { types: [FOLDER_TYPE], maxSize: 2 * MAX_DRAFT },
    response: draftView,
    status: 201,
    errors: { CANDIDATE_FOLDER: 422, DRAFT_LIMIT: 409, DRAFT_LARGE: 413, DRAFT_WRITE: 503 },
    handler: async ({ query, body }, context) => {
      const files = { ...readFolder(body ?? Buffer.of()) }
      const content = await readConfigured(context.services.config, Object.keys(files))
      const draft = storeOf(context).add({
        ...query,
        made: { by: context.principal!.name, at: now() },
        files,
        base: digestsOf(Object.keys(files), name => content.get(name))
      })
      return wholeOf(draft, context)
    }
  }),
  defineRoute({
    ...common,
    method: 'GET',
    path: '/rules/drafts/{id}',
    id: 'getDraft',
    summary: 'A draft with its texts and changed lines',
    scope: 'read',
    params,
    response: draftView,
    errors: { DRAFT_UNREADABLE: 503, DRAFT_NONE: 404 },
    handler: async ({ params }, context) => {
      return wholeOf(storeOf(context).read(params.id), context)
    }
  }),
  defineRoute({
    ...common,
    method: 'POST',
    path: '/rules/drafts/{id}/approve',
    id: 'approveDraft',
    summary: 'Approve a draft of somebody else',
    scope: 'policy',
    params,
    response: draftView,
    errors: {
      DRAFT_UNREADABLE: 503,
      DRAFT_NONE: 404,
      DRAFT_OWN: 403,
      DRAFT_APPLIED: 409,
      DRAFT_WRITE: 503
    },
    handler: async ({ params }, context) => {
      const store = storeOf(context)
      const draft = store.read(params.id)
      const by = context.principal!.name
      if (draft.applied !== null) throw failure('DRAFT_APPLIED', draft.id, draft.applied.by)
      if (draft.made.by === by) throw failure('DRAFT_OWN', draft.id)
      const approved = { ...draft, approved: { by, at: now() } }
      store.write(approved)
      return wholeOf(approved, context)
    }
  }),
  defineRoute({
    ...common,
    method: 'DELETE',
    path: '/rules/drafts/{id}',
    id: 'discardDraft',
    summary: 'Discard a draft',
    description: 'A draft of somebody else only with the scope `policy`.',
    scope: 'operate',
    params,
    errors: { DRAFT_UNREADABLE: 503, DRAFT_NONE: 404, DRAFT_OTHERS: 403 },
    handler: ({ params }, context) => {
      const store = storeOf(context)
      const { id, made } = store.read(params.id)
      const { name, scopes } = context.principal!
      if (made.by !== name && !scopes.has('policy')) throw failure('DRAFT_OTHERS', id, made.by)
      store.remove(id)
      return Promise.resolve()
    }
  })
]
