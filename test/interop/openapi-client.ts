/** The OpenAPI document against a running gateway, by a client that a generator makes of it. */
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { build } from 'esbuild'
import t, { type Test } from 'tap'
import { generateKeys } from '../../src/base/files/ed25519.js'
import { SCOPES } from '../../src/admin/tokens/scopes.js'
import { newToken, writeTokens } from '../../src/admin/tokens/token-file.js'
import { listenAddress, startServer } from '../cli/server-process.js'
import { fakeHub, gatewayView } from '../daemon/api/hub-rig.js'
import { askUdp } from '../daemon/dns-client.js'
import { Site } from '../daemon/site.js'
import { eventually, folder, freePort } from './processes.js'

const run = promisify(execFile)
/** The newest one for Node 20. */
const GENERATOR = '@hey-api/openapi-ts@0.90'
const DOCUMENT = resolve('docs/reference/openapi.json')
// To install the generator takes its time.
t.setTimeout(400_000)

type Json = Readonly<Record<string, unknown>>

interface Operation {
  readonly operationId: string
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema?: Json }>> }>
  >
}

const document = JSON.parse(readFileSync(DOCUMENT, 'utf8')) as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: Json
}
const operations = Object.values(document.paths).flatMap(path => Object.values(path))

/** What a generated function takes. */
interface Sent {
  readonly path?: Json
  readonly query?: Json
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly bodySerializer?: null
  readonly signal?: AbortSignal
}

interface Received {
  readonly response: Response
  readonly data?: unknown
  readonly error?: unknown
}

type Call = (sent: Sent) => Promise<Received>

/** Generates the client, checks its types, and loads it. */
async function generate(
  t: Test,
  url: string,
  token: string
): Promise<Readonly<Record<string, Call>>> {
  const place = folder(t)
  const packages = ['install', '--prefix', place, '--no-audit', '--no-fund', '--ignore-scripts']
  await run('npm', [...packages, GENERATOR, 'typescript@5.9'], { cwd: place })
  const made = join(place, 'client')
  await run(join(place, 'node_modules/.bin/openapi-ts'), ['-i', DOCUMENT, '-o', made], {
    cwd: place
  })
  writeFileSync(join(place, 'package.json'), '{ "type": "module" }')
  const compilerOptions = {
    ...{ noEmit: true, strict: true, types: [], skipLibCheck: true },
    ...{ target: 'es2023', lib: ['es2023', 'dom', 'dom.iterable'] },
    ...{ module: 'esnext', moduleResolution: 'bundler' }
  }
  const files = ['entry.ts']
  writeFileSync(join(place, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }))
  const entry = join(place, 'entry.ts')
  const from = `export * from './client/sdk.gen'\nexport { client } from './client/client.gen'\n`
  writeFileSync(entry, from)
  await run(join(place, 'node_modules/.bin/tsc'), ['-p', place])
  const outfile = join(place, 'bundle.js')
  await build({ entryPoints: [entry], outfile, bundle: true, format: 'esm', platform: 'node' })
  const sdk = (await import(pathToFileURL(outfile).href)) as Record<string, Call> & {
    client: { setConfig(config: Json): void }
  }
  sdk.client.setConfig({ baseUrl: `${url}/api/v1`, auth: () => token, redirect: 'manual' })
  return sdk
}

const LOOKUP = { v: 1, generation: 1, protocol: 'udp', qtype: 'A', us: 1, client: '127.0.0.1' }
const lookup = (qname: string, verdict: string, more = {}): string =>
  `${JSON.stringify({ ...LOOKUP, time: new Date(Date.now() - 3_600_000).toISOString(), qname, verdict, network: 'office', ...more })}\n`

const day = (offset: number): string =>
  new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 10)

const NETWORKS = `
networks:
  office:
    prefixes: [127.0.0.0/8, 10.0.0.0/8]
    bans:
      - { id: video-ban, apps: [video], authority: Ministry, reference: R, from: 2026-01-01 }
    exceptions:
      - { apps: [video], prefixes: [10.7.0.0/16], purpose: press, approved-by: head, from: ${day(-1)}, until: ${day(30)} }
    block: [{ id: ads, lists: [ads] }]
dnssec:
  exceptions:
    - { name: broken.example, purpose: expired keys, approved-by: head, from: ${day(-1)}, until: ${day(20)} }
lists:
  ads: { file: ads.txt }
`
const VIDEO =
  'app: video\ntitle: Video\nnames: [{ name: video.example, role: web, evidence: [] }]\n'

/** A gateway with everything that routes show, in a folder of rules that may be changed. */
async function gateway(t: Test) {
  const port = await freePort()
  const site = new Site(t, {
    'interdict.yaml': `
listen: ['127.0.0.1:0']
workers: 1
upstreams: { servers: [192.0.2.1], use-resolv-conf: false, loop-check: 0s, idle-probe: 0s, timeout: 200ms }
reports: [{ report: daily }]
rules: { folder: rules, activate: manual }
admin: { http: '127.0.0.1:${port}', socket: admin.sock, hub: hub.sock }
log: { queries: { file: log/queries.jsonl, which: all, flush: 10ms } }
bindings: { feeds: [{ name: nac, type: json, http: true }] }
egress: { export-key: export.pem, learn-for: 0s }
`,
    'rules/networks.yaml': NETWORKS,
    'rules/ads.txt': 'ads.example\n',
    'rules/apps/video.yaml': VIDEO,
    'log/queries.jsonl':
      lookup('www.video.example', 'blocked', { ban: 'video-ban', app: 'video' }) +
      lookup('www.example', 'forwarded')
  })
  await fakeHub(t, [gatewayView(1), gatewayView(2)], site.path('hub.sock'))
  writeFileSync(site.path('export.pem'), generateKeys().privatePem, { mode: 0o600 })
  const now = new Date()
  const { token, stored } = newToken('client', SCOPES, now, new Date(now.getTime() + 1e7))
  writeTokens(site.path('state/tokens.json'), [stored])
  const at = await listenAddress(startServer(t, site))
  await askUdp(at, 'www.video.example')
  return { site, at, token, url: `http://127.0.0.1:${port}` }
}

t.test('a generated client gets what the document says', async t => {
  const { site, at, token, url } = await gateway(t)
  const sdk = await generate(t, url, token)
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true })
  ajv.addSchema({ $id: 'document', components: document.components })
  const left = new Set(operations.map(({ operationId }) => operationId))

  /** Calls an operation and compares the response with the document. */
  const call = async (id: string, sent: Sent = {}, ...expected: number[]): Promise<unknown> => {
    left.delete(id)
    const { responses } = operations.find(({ operationId }) => operationId === id)!
    const { response, data, error } = await sdk[id]!(sent)
    const { status } = response
    const found = error ?? data
    const isExpected = expected.length === 0 ? status === 200 : expected.includes(status)
    t.ok(isExpected, `${id}: ${status}, ${JSON.stringify(found ?? null).slice(0, 300)}`)
    const documented = responses[status]
    t.ok(documented, `${id}: ${status} is documented`)
    const type = response.headers.get('content-type')?.split(';', 1)[0]
    const content = Object.entries(documented?.content ?? {})
    const types = Object.fromEntries(content.map(([key, media]) => [key.split(';', 1)[0]!, media]))
    if (type === undefined) t.strictSame(types, {}, `${id}: no content is documented`)
    else t.ok(types[type], `${id}: ${type} is documented`)
    const { schema } = (type === undefined ? undefined : types[type]) ?? {}
    if (schema === undefined) return found
    const text = JSON.stringify(schema).replaceAll('"#/components', '"document#/components')
    const validate = ajv.compile(JSON.parse(text) as Json)
    t.ok(validate(found), `${id}: ${ajv.errorsText(validate.errors)}`)
    return found
  }

  await call('getOpenApi')
  await call('getMe')
  await call('login', {}, 404)
  await call('finishLogin', { query: { state: 'x', code: 'y' } }, 404)
  await call('logout', {}, 404)
  for (const id of ['getStatus', 'getHealth', 'getTrend', 'getProcess', 'listChanges', 'listReads'])
    await call(id)
  for (const id of [
    ...['listBlocks', 'listNetworks', 'listBans', 'listExceptions', 'listNotices'],
    'listDnssecExceptions'
  ])
    await call(id)
  for (const id of ['listApps', 'listLists', 'listZones', 'listRuleFiles', 'listStoredReports'])
    await call(id)
  await call('getProfile', { path: { id: 'nis2' } })
  await call('getNetwork', { path: { id: 'office' } })
  await call('getNetwork', { path: { id: 'nowhere' } }, 404)
  await call('getApp', { path: { id: 'video' } })
  await call('listBans', {
    query: { network: 'office', app: 'video', state: 'in force', limit: 1 }
  })
  await call('listBans', { query: { limit: 0 } }, 400)
  await call('listNotices', { query: { within: 300 } })
  await call('explain', { query: { name: 'www.video.example', client: '10.0.0.1', type: 'AAAA' } })
  await call('explain', { query: { name: 'www.example', client: '10.0.0.1', upstream: 'false' } })
  const past = `${new Date(Date.now() - 2_000).toISOString().slice(0, 19)}Z`
  await call('explain', { query: { name: 'www.video.example', client: '10.0.0.1', at: past } })

  await call('getDeniedAddresses', { query: { format: 'list', network: 'office' } })
  await call('getDeniedAddresses', { query: { format: 'list' } }, 400)
  await call('getDeniedAddresses', { query: { network: 'none' } }, 404)

  const binding = '{"address":"127.0.0.1","user":"anna"}\n'
  // The generator takes JSON lines for one JSON value.
  const lines = { path: { feed: 'nac' }, bodySerializer: null }
  await call('addBindings', { ...lines, body: binding })
  await call('replaceBindings', { ...lines, body: binding })
  await call('replaceBindings', { ...lines, body: 'nonsense' }, 422)
  await call('findDevice', { query: { address: '127.0.0.1', at: past } })

  await eventually('the lookup is in the log', 30, async () => {
    const { items } = (await call('searchLookups', { query: { name: 'video.example' } })) as {
      items: unknown[]
    }
    return items.length === 2
  })
  const query = { name: '*.video.example', type: 'A', verdict: 'blocked', network: 'office' }
  await call('searchLookups', { query: { ...query, since: '2026-01-01T00:00:00Z', limit: 5 } })
  for (const kind of ['overview', 'weekly', 'monthly', 'bypass', 'egress', 'dnssec', 'new-names'])
    await call('getReport', { path: { kind } })
  await call('getReport', { path: { kind: 'daily' }, query: { id: 'today' } })
  await call('getReport', { path: { kind: 'ban' }, query: { id: 'video-ban' } })
  await call('getReport', { path: { kind: 'ban' }, query: { id: 'none' } }, 422)
  const { items: reads } = (await call('listReads')) as { readonly items: readonly Json[] }
  t.match(reads[1], { by: 'client', operation: 'getReport', rows: Number }, 'reads are recorded')
  await call('groupLookups', { query: { by: 'app', top: 5 } })
  await call('groupLookups', { query: { by: 'sql' } }, 400)
  await call('listUnusualHours', { query: { hours: 24 } })
  await call('getBanEffect', { path: { ban: 'video-ban' }, query: { weeks: 1 } })
  await call('listFindings', { headers: { Prefer: 'wait=300' } })
  const finding = { kind: 'tunnel', domain: 'tunnel.example', client: null, reason: 'our own test' }
  const until = `${new Date(Date.now() + 86_400_000).toISOString().slice(0, 19)}Z`
  const mute = await call('muteFinding', { body: { ...finding, until } })
  await call('unmuteFinding', { path: { id: (mute as { readonly id: string }).id } }, 204)
  await call('getStoredReport', { path: { name: 'daily-2026-01-01.html' } }, 404)

  const { entries } = (await call('listRulesHistory', { query: { limit: 5 } })) as {
    entries: readonly { readonly sha256: string }[]
  }
  const version = entries[0]!.sha256
  await call('getRulesVersion', { path: { version } })
  await call('getRulesVersionFile', { path: { version }, query: { path: 'networks.yaml' } })
  await call('diffRulesVersions', { path: { version }, query: { to: version } })

  site.write('rules/ads.txt', 'ads.example\nmore.example\n')
  await call('reloadRules')
  const { planned } = (await call('planRules')) as { readonly planned: string }
  await call('applyRules', { body: { sha256: planned } })
  await call('restoreRulesVersion', { path: { version }, body: { dryRun: true } })
  await call('pauseRule', { path: { rule: 'ads' }, body: { minutes: 5, reason: 'test' } })
  await call(
    'pauseRule',
    { path: { rule: 'video-ban' }, body: { minutes: 5, reason: 'test' } },
    409
  )
  await call('resumeRule', { path: { rule: 'ads' } }, 204)
  await call('flushCache', { body: { name: 'www.example', subtree: true } })
  await call('flushCache', { body: { name: 5 } }, 400)
  await call('updateList', { path: { id: 'ads' } }, 400)
  await call('confirmList', { path: { id: 'ads' } }, 409)
  await call('rotateLog')
  await call('rollBack', { body: {} }, 409)
  const FOLDER = { 'Content-Type': 'application/vnd.interdict.rules+json' }
  const body = new Blob([JSON.stringify({ 'networks.yaml': NETWORKS.replace('ads,', 'ads2,') })])
  // On a busy machine it becomes a job.
  await call('checkCandidate', { body, headers: FOLDER, query: { base: 'active' } }, 200, 202)
  await call('packCandidate', { body, headers: FOLDER, query: { base: 'active', days: '5' } })
  const edit = { kind: 'list', id: 'more', values: { file: 'lists/more.txt' } }
  await call('makeEdits', { body: { edits: [edit] } })
  const made = await call(
    'makeDraft',
    { body, headers: FOLDER, query: { title: 'T', reason: 'R' } },
    201
  )
  const draft = { id: (made as { readonly id: string }).id }
  await call('listDrafts')
  await call('getDraft', { path: draft })
  await call('approveDraft', { path: draft }, 403)
  await call('discardDraft', { path: draft }, 204)
  await call('activateBundle', { body: new Blob(['bundle']) }, 409)

  await call('listRings')
  await call('listGateways', { query: { ring: 'all' } })
  await call('listFleetBans')
  await call('listWithoutBan', { path: { ban: 'federal-tiktok' } })
  await call('listFleetEvents')
  await call('promoteRing', { path: { ring: 'all' } })
  await call('haltRing', { path: { ring: 'all' }, body: { reason: 'complaints' } })

  const headers = { Prefer: 'respond-async' }
  const done = async (id: string): Promise<void> =>
    eventually('the job is done', 60, async () => {
      const { state } = (await call('getJob', { path: { id } })) as { readonly state: string }
      return state === 'done'
    })
  await call('exportLookups', { query: { format: 'csv' } })
  const exported = await call('exportLookups', { query: { format: 'csv' }, headers }, 202)
  const { id: file } = exported as { readonly id: string }
  await done(file)
  await call('getJobFile', { path: { id: file } })
  const accepted = await call(
    'getReport',
    { path: { kind: 'overview' }, query: { top: '7' }, headers },
    202
  )
  const { id } = accepted as { readonly id: string }
  await done(id)
  await call('listJobs')
  await call('cancelJob', { path: { id } }, 204)
  await call('getJob', { path: { id } }, 404)

  const controller = new AbortController()
  const { stream } = (await sdk.streamLookups!({
    ...{ query: { lines: 1, verdict: ['all'] }, signal: controller.signal }
  })) as unknown as { readonly stream: AsyncIterable<{ readonly qname: string }> }
  left.delete('streamLookups')
  await askUdp(at, 'www.video.example')
  for await (const { qname } of stream) {
    t.match(qname, /example/, 'an event of the stream')
    break
  }
  controller.abort()
  t.strictSame([...left], [], 'every operation was called')
})
