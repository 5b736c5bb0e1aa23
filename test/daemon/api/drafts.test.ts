import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readConfig } from '../../../src/gateway/config/load-settings.js'
import { FOLDER_TYPE } from '../../../src/admin/api/candidate.js'
import { DraftStore, MAX_DRAFTS } from '../../../src/policy/edit/draft-store.js'
import { interdict } from '../../cli/run.js'
import { apiRig } from './rig.js'

const RULES = `networks:
  all:
    prefixes: [10.0.0.0/8] # everybody
    bans:
      - { id: clip, names: [clip.example], authority: A, reference: R }
`
const EDIT = {
  kind: 'exception',
  network: 'all',
  values: {
    names: ['clip.example'],
    prefixes: ['10.1.7.3'],
    purpose: 'press',
    'approved-by': 'CISO',
    until: '7d'
  }
}

interface Shown {
  readonly id: string
  readonly ready: boolean
  readonly outdated: readonly string[]
}

async function drafting(t: Test, more = '') {
  const folder = t.testdir()
  const settings = `rules: rules\nlog: { queries: { which: none } }\nupstreams: { use-resolv-conf: false }\n${more}\n`
  const file = join(folder, 'interdict.yaml')
  writeFileSync(file, settings)
  mkdirSync(join(folder, 'rules'))
  const rules = join(folder, 'rules/networks.yaml')
  writeFileSync(rules, RULES)
  const read = readConfig(settings, file)
  if (!read.ok) throw new Error('settings')
  const rig = await apiRig(t, { services: { config: read.config } })
  const ann = rig.token('ann', ['read', 'operate', 'policy'])
  const bob = rig.token('bob', ['read', 'policy'])
  const cid = rig.token('cid', ['read', 'operate'])
  const call = async (
    token: string,
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    body?: object
  ) => {
    const { statusCode, body: text } = await rig.send({
      ...{ token, method, url: `/api/v1${path}` },
      ...(body !== undefined && {
        headers: {
          'content-type': path.startsWith('/rules/drafts?') ? FOLDER_TYPE : 'application/json'
        },
        payload: JSON.stringify(body)
      })
    })
    return {
      status: statusCode,
      json: (text === '' ? {} : JSON.parse(text)) as Shown & { code?: string }
    }
  }
  const make = async (token: string, files: object) =>
    call(token, 'POST', '/rules/drafts?title=Exception&reason=press', files)
  const apply = (id: string) => interdict('apply', id, '--yes', '-c', file)
  const store = new DraftStore(read.config.state.folder)
  return { rig, ann, bob, cid, call, make, apply, rules, store }
}

t.test('an edit becomes a draft, and the draft is put in force by its folder’s owner', async t => {
  const { rig, cid, call, make, apply, rules, store } = await drafting(t)
  const edited = await call(cid, 'POST', '/rules/edits', { edits: [EDIT] })
  t.match(edited, { status: 200, json: { file: 'networks.yaml', diff: /\+ {8}prefixes: \[10\.1/ } })
  const { text } = edited.json as unknown as { text: string }
  const made = await make(cid, { 'networks.yaml': text })
  t.match(made, { status: 201, json: { made: { by: 'cid' }, ready: true, outdated: [] } })
  t.equal(readFileSync(rules, 'utf8'), RULES, 'nothing is changed yet')
  t.match(await call(cid, 'GET', '/rules/drafts'), {
    json: { approval: 'none', drafts: [{ id: made.json.id, title: 'Exception' }] }
  })
  const applied = await apply(made.json.id)
  t.match(applied, {
    code: 0,
    out: /reason +press[^]*made by +cid[^]*\+ {6}- names[^]*Wrote networks\.yaml/
  })
  t.equal(readFileSync(rules, 'utf8'), text)
  t.match(store.read(made.json.id).applied, { by: String })
  t.match(await apply(made.json.id), { code: 1, err: /DRAFT_APPLIED/ })
  t.match(rig.changes.newest[0], { by: 'cid', operation: 'makeDraft', code: null })
})

t.test('a draft cannot hide its lines from the one who applies it', async t => {
  const { cid, call, make, apply } = await drafting(t)
  const { id } = (await make(cid, { 'networks.yaml': `${RULES}# \u001b[8mhidden\u202e\n` })).json
  const { code, out } = await apply(id)
  t.equal(code, 0)
  t.match(out, '+# \\u{1b}[8mhidden\\u{202e}\n')
  const titled = await call(cid, 'POST', '/rules/drafts?title=%1b[2J&reason=x', {
    'networks.yaml': RULES
  })
  t.equal(titled.status, 400)
})

t.test('a second person approves, never the one who made it', async t => {
  const { ann, bob, call, make, apply, rules } = await drafting(
    t,
    'admin: { approval: second-person }'
  )
  const { id, ready } = (await make(ann, { 'networks.yaml': `${RULES}# more\n` })).json
  t.equal(ready, false)
  t.match(await apply(id), { code: 1, err: /DRAFT_UNAPPROVED/ })
  t.match(await call(ann, 'POST', `/rules/drafts/${id}/approve`), {
    status: 403,
    json: { code: 'DRAFT_OWN' }
  })
  t.match(await call(bob, 'POST', `/rules/drafts/${id}/approve`), {
    status: 200,
    json: { ready: true, approved: { by: 'bob' } }
  })
  t.match(await apply(id), { code: 0 })
  t.match(readFileSync(rules, 'utf8'), /# more/)
  const restore = { dryRun: false }
  t.match(await call(ann, 'POST', '/rules/versions/12345678/restore', restore), {
    status: 409,
    json: { code: 'DRAFT_NEEDED' }
  })
})

t.test('rules with errors, and files that have changed since, are not written', async t => {
  const { ann, call, make, apply, rules } = await drafting(t)
  const wrong = (await make(ann, { 'networks.yaml': 'networks: 1\n' })).json
  t.match(await apply(wrong.id), { code: 1, out: /networks\.yaml:1:11/ })
  t.equal(readFileSync(rules, 'utf8'), RULES)
  const late = (await make(ann, { 'networks.yaml': `${RULES}# late\n` })).json
  writeFileSync(rules, `${RULES}# by hand\n`)
  t.match(await call(ann, 'GET', `/rules/drafts/${late.id}`), {
    json: { ready: false, outdated: ['networks.yaml'] }
  })
  t.match(await apply(late.id), { code: 1, err: /DRAFT_OUTDATED/ })
  t.match(readFileSync(rules, 'utf8'), /# by hand/)
})

t.test('number, size, names and discarding are bounded', async t => {
  const { ann, cid, call, make, apply } = await drafting(t)
  t.match(await make(ann, { '../x.yaml': '' }), { status: 422, json: { code: 'CANDIDATE_FOLDER' } })
  t.match(await make(ann, { 'a.yaml': 'x'.repeat(1_100_000) }), { json: { code: 'DRAFT_LARGE' } })
  t.match(await call(ann, 'GET', '/rules/drafts/x'), { status: 404, json: { code: 'DRAFT_NONE' } })
  t.match(await apply('draft-00000000'), { code: 1, err: /DRAFT_NONE/ })
  const { id } = (await make(ann, { 'a.yaml': '' })).json
  t.match(await call(cid, 'DELETE', `/rules/drafts/${id}`), {
    status: 403,
    json: { code: 'DRAFT_OTHERS' }
  })
  for (let n = 1; n < MAX_DRAFTS; n++) await make(cid, { 'a.yaml': '' })
  t.match(await make(cid, { 'a.yaml': '' }), { status: 409, json: { code: 'DRAFT_LIMIT' } })
  t.match(await call(ann, 'DELETE', `/rules/drafts/${id}`), { status: 204 })
  t.match(await make(cid, { 'a.yaml': '' }), { status: 201 })
})

t.test('a draft that was changed on disk leads nowhere else', async t => {
  const { ann, call, make, apply, store } = await drafting(t)
  const { id } = (await make(ann, { 'networks.yaml': RULES })).json
  store.write({ ...store.read(id), files: { '../outside.yaml': 'x' } })
  t.match(await apply(id), { code: 1, err: /DRAFT_UNREADABLE/ })
  t.match(await call(ann, 'GET', '/rules/drafts'), { status: 200, json: { drafts: [] } })
})
