import { createPrivateKey, createPublicKey } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t, { type Test } from 'tap'
import { failure } from '../../../src/base/errors/error.js'
import { generateKeys } from '../../../src/base/files/ed25519.js'
import { readConfig } from '../../../src/gateway/config/load-settings.js'
import { estimateOf } from '../../../src/analysis/replay/estimate.js'
import { CommandRunner } from '../../../src/gateway/processes/commands.js'
import { checkResult } from '../../../src/gateway/processes/messages.js'
import { FOLDER_TYPE } from '../../../src/admin/api/candidate.js'
import { encodeBundle } from '../../../src/sources/bundle/bundle.js'
import { apiRig, type ApiRig } from './rig.js'
import { answering } from './services.js'

const PROGRAM = resolve('dist/bundle/bin/interdict.js')
type Answer = Parameters<typeof answering>[0]
const RULES = 'networks: { all: { prefixes: [10.0.0.0/8], block: [ads.example] } }'
const OTHER = 'networks: { all: { prefixes: [10.0.0.0/8], block: [ads.example, more.example] } }'
const BUNDLE = { 'content-type': 'application/octet-stream' }
const FOLDER = { 'content-type': FOLDER_TYPE }

interface Proposing {
  readonly rig: ApiRig
  readonly folder: string
  readonly state: string
  readonly token: string
}

async function proposing(
  t: Test,
  rules: string,
  answer?: Answer,
  reload = () => ({ outcome: 'accepted', errors: 0, first: [] as unknown[] })
): Promise<Proposing> {
  const folder = t.testdir()
  const settings = `${rules}\nlog: { queries: { which: none } }\nupstreams: { use-resolv-conf: false }\n`
  const file = join(folder, 'interdict.yaml')
  writeFileSync(file, settings)
  mkdirSync(join(folder, 'rules'))
  writeFileSync(join(folder, 'rules/networks.yaml'), RULES)
  const read = readConfig(settings, file)
  if (!read.ok) throw new Error('settings')
  const { config } = read
  const runner = new CommandRunner(PROGRAM, () => config)
  const rig = await apiRig(t, {
    services: {
      config,
      command:
        answer === undefined
          ? (name, request, signal) =>
              runner.run(name, request, result => checkResult(name, result), signal)
          : answering(answer),
      control: <Result>() => Promise.resolve(reload() as Result)
    }
  })
  return { rig, folder, state: join(folder, 'state'), token: rig.token('all', ['read', 'policy']) }
}

t.test('says what a candidate folder would change, and keeps nothing of it', async t => {
  const { rig, state, token } = await proposing(t, 'rules: rules')
  const send = (files: unknown) =>
    rig.send({
      method: 'POST',
      url: '/api/v1/rules/candidate',
      token,
      headers: FOLDER,
      payload: typeof files === 'string' ? files : JSON.stringify(files)
    })
  const good = await send({ 'networks.yaml': OTHER })
  t.equal(good.statusCode, 200, good.body)
  t.match(good.json(), {
    check: { ok: true, rules: { names: 2 } },
    diff: { changes: [{ change: 'blocked', examples: ['more.example'] }] },
    replay: null
  })
  const bad = await send({ 'networks.yaml': 'networks: { all: { prefixes: [10.0.0.1/8] } }' })
  t.match(bad.json(), {
    check: { ok: false, errors: [{ code: 'DOCUMENT_INVALID', message: /^networks\.yaml:1:/ }] },
    diff: null
  })
  const wrong = [
    '{',
    [],
    { '../networks.yaml': 'x' },
    { '/etc/x': 'x' },
    { 'apps/..': 'x' },
    { 'apps//x': 'x' },
    { 'networks.yaml': 1 }
  ]
  for (const files of wrong) {
    const response = await send(files)
    t.match(response.json(), { status: 422, code: 'CANDIDATE_FOLDER' }, JSON.stringify(files))
  }
  t.strictSame(readdirSync(state), [])
})

t.test('no file outside a candidate folder is read', async t => {
  const { rig, folder, token } = await proposing(t, 'rules: rules')
  const secret = join(folder, 'secret.txt')
  writeFileSync(secret, 'secret.example\nbad line with a password\n')
  const list = (source: string) => `
lists: { l: { ${source}, format: domains } }
networks: { all: { prefixes: [10.0.0.0/8], block: [{ lists: [l] }] } }`
  const authority = (file: string) => `
client-authorities: { a: { certificate: ${file} } }
networks: { all: { prefixes: [10.0.0.0/8], block: [ads.example] } }`
  const up = '../'.repeat(20)
  for (const rules of [
    list(`file: ${secret}`),
    list(`file: ${up}${secret.slice(1)}`),
    list(`file: x/../../../../secret.txt`),
    list(`folder: ${folder}`),
    list(`folder: ..`),
    authority(secret)
  ]) {
    const { body } = await rig.send({
      ...{ method: 'POST', url: '/api/v1/rules/candidate', token, headers: FOLDER },
      payload: JSON.stringify({ 'networks.yaml': rules, 'x/y.txt': '' })
    })
    const { check, diff } = JSON.parse(body) as { check: { errors: unknown }; diff: unknown }
    t.match(check.errors, [{ message: /outside the rules folder/ }], body)
    t.equal(diff, null)
    t.notMatch(body, /password|secret\.example|2 lines|names/)
  }
})

t.test('nor through the name of a copy, or a folder that the settings allow', async t => {
  const settings = "rules: { folder: rules, outside-folders: ['.'] }"
  const { rig, folder, token } = await proposing(t, settings)
  writeFileSync(join(folder, 'secret.txt'), 'secret.example\nbad line with a password\n')
  const networks = 'networks: { all: { prefixes: [10.0.0.0/8], block: [{ lists: [l] }] } }'
  for (const [rules, message] of [
    [
      String.raw`client-authorities: { a: { certificate: "\0../../secret.txt" } }
networks: { all: { prefixes: [10.0.0.0/8], block: [ads.example] } }`,
      /without control characters/
    ],
    [
      `lists: { l: { file: ${join(folder, 'secret.txt')} } }\n${networks}`,
      /outside the rules folder/
    ]
  ] as const) {
    const { body } = await rig.send({
      ...{ method: 'POST', url: '/api/v1/rules/candidate', token, headers: FOLDER },
      payload: JSON.stringify({ 'networks.yaml': rules })
    })
    const { check } = JSON.parse(body) as { check: { errors: unknown } }
    t.match(check.errors, [{ message }], body)
    t.notMatch(body, /password|secret\.example/)
  }
})

t.test('recorded lookups are judged, or why not', async t => {
  const asked: unknown[] = []
  const answer: Answer = (name, request) => {
    asked.push([name, request])
    if (name === 'replay') return Promise.reject(Object.assign(new Error('30 s'), { code: 'X' }))
    return Promise.resolve({ ok: true, errors: [], warnings: [] })
  }
  const { rig, token } = await proposing(t, 'rules: rules', answer)
  const read = readConfig('rules: rules', join(rig.path, '..', 'interdict.yaml'))
  const config = read.ok ? read.config : rig.config
  const other = await apiRig(t, { services: { config, command: answering(answer) } })
  const all = other.token('r', ['read'])
  const request = { method: 'POST', headers: BUNDLE, payload: Buffer.from('b') } as const
  const url = '/api/v1/rules/candidate'
  const judged = await other.send({ ...request, url, token: all })
  t.match(judged.json(), { replay: { code: 'X', message: '30 s' } })
  t.match(asked.at(-1), ['replay', { logs: [/log$/], rules: /rules\.bundle$/ }])
  const unjudged = await other.send({ ...request, url: `${url}?replay=false`, token: all })
  t.match(unjudged.json(), { replay: null })
  t.match((await rig.send({ ...request, url, token })).json(), { replay: null }, 'no log')
})

t.test('a bundle is put in force with enough signatures', async t => {
  const { publicKey } = generateKeys()
  const { publicKey: inFile, privatePem } = generateKeys()
  const asked: unknown[] = []
  let isSigned = false
  const answer: Answer = (name, request) => {
    asked.push([name, request])
    return isSigned ? Promise.resolve({}) : Promise.reject(new Error('no signature'))
  }
  const rules = `rules: { bundle: rules.bundle, keys: ['${publicKey}', key.pub], signatures: 2 }`
  const { rig, folder, state, token } = await proposing(t, rules, answer)
  const pem = createPublicKey(privatePem).export({ format: 'pem', type: 'spki' })
  writeFileSync(join(folder, 'key.pub'), pem)
  const send = () =>
    rig.send({
      method: 'PUT',
      url: '/api/v1/rules/bundle',
      token,
      headers: BUNDLE,
      payload: Buffer.from('a bundle')
    })
  t.equal((await send()).statusCode, 500)
  t.notOk(existsSync(join(folder, 'rules.bundle')))
  isSigned = true
  t.match((await send()).json(), { outcome: 'accepted', first: [] })
  t.equal(readFileSync(join(folder, 'rules.bundle'), 'utf8'), 'a bundle')
  t.match(asked.at(-1), [
    'bundle verify',
    { path: /rules\.bundle$/, signatures: 2, trust: [publicKey, inFile] }
  ])
  t.strictSame(readdirSync(state), [])
})

t.test('with approval, a bundle must be the rules in force with one approved draft', async t => {
  const { publicKey, privatePem } = generateKeys()
  const verify = () => Promise.resolve({})
  const rules = `rules: { bundle: rules.bundle, keys: ['${publicKey}'] }\nadmin: { approval: second-person }`
  const { rig, folder, token } = await proposing(t, rules, verify)
  const keys = [createPrivateKey(privatePem)]
  const packed = (serial: number, files: Readonly<Record<string, string>>) =>
    encodeBundle(new Map(Object.entries(files).map(([name, text]) => [name, Buffer.from(text)])), {
      ...{ serial, created: 1, expires: 2, keys }
    })
  const place = join(folder, 'rules.bundle')
  const before = await packed(1, { 'networks.yaml': RULES, 'other.txt': 'x' })
  writeFileSync(place, before)
  const put = async (files: Readonly<Record<string, string>>) => {
    const payload = Buffer.from(await packed(2, files))
    const url = '/api/v1/rules/bundle'
    return rig.send({ ...{ method: 'PUT', url, token, headers: BUNDLE, payload } })
  }
  const wanted = { 'networks.yaml': OTHER, 'other.txt': 'x' }
  const needed = { code: 'DRAFT_NEEDED' }
  t.match((await put(wanted)).json(), needed, 'no draft')
  const ann = rig.token('ann', ['read', 'operate'])
  const made = await rig.send({
    ...{ method: 'POST', url: '/api/v1/rules/drafts?title=more&reason=test', token: ann },
    ...{ headers: FOLDER, payload: JSON.stringify({ 'networks.yaml': OTHER }) }
  })
  const { id } = made.json<{ id: string }>()
  t.match((await put(wanted)).json(), needed, 'not approved')
  const url = `/api/v1/rules/drafts/${id}/approve`
  t.equal((await rig.send({ method: 'POST', url, token })).statusCode, 200)
  t.match((await put({ ...wanted, 'other.txt': 'y' })).json(), needed, 'something else is changed')
  t.match((await put({ 'networks.yaml': OTHER })).json(), needed, 'a file is missing')
  t.strictSame(readFileSync(place), Buffer.from(before), 'nothing is in force')
  t.match((await put(wanted)).json(), { outcome: 'accepted' })
  const list = await rig.send({ method: 'GET', url: '/api/v1/rules/drafts', token })
  t.match(list.json(), { bundle: true, drafts: [{ id, applied: { by: 'all' } }] })
  t.match((await put(wanted)).json(), needed, 'a draft is put in force once')
})

t.test('after a refused bundle the earlier one is on offer again', async t => {
  const rules = `rules: { bundle: rules.bundle, keys: ['${generateKeys().publicKey}'] }`
  const first = [{ code: 'BUNDLE_OLDER', message: 'rules.bundle: too old' }]
  let meanwhile = ''
  const refuse = () => {
    if (meanwhile !== '') writeFileSync(place, meanwhile)
    return { outcome: 'refused', errors: 1, first }
  }
  const verify = () => Promise.resolve({})
  const { rig, folder, token } = await proposing(t, rules, verify, refuse)
  const place = join(folder, 'rules.bundle')
  const send = async () => {
    const payload = Buffer.from('refused')
    const url = '/api/v1/rules/bundle'
    const { statusCode, body } = await rig.send({
      ...{ method: 'PUT', url, token, headers: BUNDLE, payload }
    })
    t.equal(statusCode, 200, body)
    t.strictSame(JSON.parse(body), { outcome: 'refused', first })
  }
  await send()
  t.notOk(existsSync(place), 'there was none')
  writeFileSync(place, 'earlier')
  await send()
  t.equal(readFileSync(place, 'utf8'), 'earlier')
  meanwhile = 'of somebody else'
  await send()
  t.equal(readFileSync(place, 'utf8'), meanwhile)
})

t.test('errors of a command name no folder that is gone', async t => {
  const answer: Answer = (_name, request) =>
    Promise.reject(failure('BUNDLE_BROKEN', (request as { path: string }).path, 'no bundle'))
  const rules = `rules: { bundle: rules.bundle, keys: ['${generateKeys().publicKey}'] }`
  const { rig, token } = await proposing(t, rules, answer)
  const response = await rig.send({
    ...{ method: 'PUT', url: '/api/v1/rules/bundle', token },
    ...{ headers: BUNDLE, payload: Buffer.from('x') }
  })
  t.match(response.json(), { code: 'BUNDLE_BROKEN', detail: /rules\.bundle/ })
  t.notMatch(response.body, 'candidate-')
})

t.test('changed files take the place of those in force, which can be read', async t => {
  const seen: Record<string, string>[] = []
  const answer: Answer = (name, request) => {
    if (name === 'check') {
      const { rules: path } = request as { rules: string }
      const files = readdirSync(path, { recursive: true, encoding: 'utf8' })
      const texts = files.filter(file => file.endsWith('.yaml') || file.endsWith('.txt'))
      seen.push(Object.fromEntries(texts.map(one => [one, readFileSync(join(path, one), 'utf8')])))
    }
    return Promise.resolve({ ok: true, errors: [], warnings: [] })
  }
  const { rig, folder, token } = await proposing(t, 'rules: rules', answer)
  mkdirSync(join(folder, 'rules/lists'))
  const large = 'x.example\n'.repeat(30_000)
  writeFileSync(join(folder, 'rules/lists/ads.txt'), large)
  const files = await rig.send({ url: '/api/v1/rules/files', token })
  t.match(files.json(), {
    bundle: false,
    files: [
      { path: 'lists/ads.txt', size: large.length, text: null },
      { path: 'networks.yaml', text: RULES }
    ]
  })
  const payload = JSON.stringify({ 'networks.yaml': OTHER })
  const request = { method: 'POST', headers: FOLDER, payload, token } as const
  await rig.send({ ...request, url: '/api/v1/rules/candidate?base=active' })
  await rig.send({ ...request, url: '/api/v1/rules/candidate' })
  t.strictSame(seen, [
    { 'networks.yaml': OTHER, 'lists/ads.txt': large },
    { 'networks.yaml': OTHER }
  ])
})

t.test('the files of a bundle can be read as well', async t => {
  const { publicKey, privatePem } = generateKeys()
  const rules = `rules: { bundle: rules.bundle, keys: ['${publicKey}'] }`
  const { rig, folder, token } = await proposing(t, rules)
  const options = { serial: 1, created: 1, expires: 2, keys: [createPrivateKey(privatePem)] }
  const content = new Map([['networks.yaml', new TextEncoder().encode(RULES)]])
  writeFileSync(join(folder, 'rules.bundle'), await encodeBundle(content, options))
  const files = await rig.send({ url: '/api/v1/rules/files', token })
  t.match(files.json(), { bundle: true, files: [{ path: 'networks.yaml', text: RULES }] })
})

t.test('commands have the settings in force, whatever errors the file has by now', async t => {
  const folder = t.testdir({ rules: { 'networks.yaml': RULES }, 'interdict.yaml': 'bad: [' })
  const read = readConfig('rules: rules\n', join(folder, 'interdict.yaml'))
  if (!read.ok) throw new Error('settings')
  const runner = new CommandRunner(PROGRAM, () => read.config)
  const check = (result: unknown) => checkResult('bans', result)
  const found = await runner.run('bans', { within: 30 }, check, new AbortController().signal)
  t.match(found, { rules: { sha256: /^[0-9a-f]{64}$/ } })
})

t.test('a sample of a long log says how many of all would change', async t => {
  const at = new Date(Date.UTC(2026, 10, 20)).toISOString()
  const lookup = (i: number): string =>
    `${JSON.stringify({ v: 1, time: at, generation: 1, client: '10.0.0.1', protocol: 'udp', qname: i % 4 === 0 ? 'new.example' : 'other.test', qtype: 'A', verdict: 'forwarded', us: 1 })}\n`
  const folder = t.testdir({
    rules: {
      'networks.yaml':
        'networks:\n  all:\n    prefixes: [10.0.0.0/8]\n    block: [{ names: [new.example] }]\n'
    },
    log: { 'queries.jsonl': Array.from({ length: 4_000 }, (_, i) => lookup(i)).join('') }
  })
  const read = readConfig('rules: rules\n', join(folder, 'interdict.yaml'))
  if (!read.ok) throw new Error('settings')
  const runner = new CommandRunner(PROGRAM, () => read.config)
  const replay = async (sample?: number): Promise<object> => {
    const request = { logs: [join(folder, 'log')], rules: join(folder, 'rules') }
    const check = (result: unknown) => checkResult('replay', result)
    const { signal } = new AbortController()
    return runner.run('replay', { ...request, ...(sample && { sample }) }, check, signal)
  }
  const exact = await replay()
  t.match(exact, { lookups: 4_000, changes: { blocked: { lookups: 1_000 } } })
  t.notOk('sample' in exact)
  t.notOk('sample' in (await replay(10_000)), 'it has fewer')
  const { sample, changes } = (await replay(1_000)) as {
    readonly sample: { readonly lookups: number; readonly of: number }
    readonly changes: { readonly blocked: { readonly lookups: number; readonly estimate: object } }
  }
  t.equal(sample.of, 4_000)
  t.ok(sample.lookups > 500 && sample.lookups < 1_500, `${sample.lookups}`)
  t.strictSame(changes.blocked.estimate, estimateOf(changes.blocked.lookups, sample))
})
