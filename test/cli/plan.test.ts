import t, { type Test } from 'tap'
import { PLAN_EXIT } from '../../src/cli/commands/rules/plan.js'
import { ownLine } from '../replay/kit.js'
import { serving, settingsText, type Rig } from '../daemon/serve.js'
import { interdict, type Ran } from './run.js'

const NETWORKS = `networks:
  all:
    prefixes: [127.0.0.0/8, 10.20.0.0/16]
    bans: [{ id: clip, apps: [clip], authority: A, reference: R }]
    block: [extra.example, { lists: [bad] }]
lists:
  bad: { file: lists/bad.txt }
`
const FILES = {
  'rules/networks.yaml': NETWORKS,
  'rules/apps/clip.yaml': 'app: clip\ntitle: Clip\nnames: [clip.example, =cdn.example]\n',
  'rules/lists/bad.txt': '||bad.example^\n||worse.example^\n@@||fine.bad.example^\n',
  'rules/tests/a.yaml':
    'tests:\n  - title: clip\n    rows:\n      - [127.0.0.1, www.clip.example, nxdomain]\n'
}
const MORE = 'admin: { socket: admin.sock }'

/** A gateway, and a copy of its rules in `new` that a test changes. */
async function planning(t: Test, queries = 'which: all') {
  const rig = await serving(t, { files: FILES, more: MORE, queries })
  const { site } = rig
  site.write('interdict.yaml', settingsText({ more: MORE, queries }))
  for (const [name, text] of Object.entries(FILES)) site.write(name.replace('rules', 'new'), text)
  const plan = async (): Promise<Ran & { readonly json: Record<string, unknown> }> => {
    const words = ['plan', site.path('new'), '-c', site.path('interdict.yaml')]
    const { out } = await interdict(...words, '--json')
    return { ...(await interdict(...words)), json: JSON.parse(out) as Record<string, unknown> }
  }
  return { rig, plan }
}

/** Changes a file of the candidate rules. */
const change = ({ site }: Rig, name: string, from: string, to: string): void =>
  site.write(`new/${name}`, site.read(`new/${name}`).replace(from, to))

t.test('nothing changes against the rules in force', async t => {
  const { rig, plan } = await planning(t)
  const { code, out, json } = await plan()
  const { sha256 } = rig.gateway.rules.origin
  t.match({ code, out }, { code: 0, out: `Planned SHA-256 ${sha256}: no errors` })
  t.match(out, /Nothing changes/)
  t.match(json, {
    exitCode: 0,
    inForce: { sha256, generation: 1 },
    planned: sha256,
    check: { ok: true, tests: { passed: 1, failed: 0 } },
    diff: { changes: [] },
    forecast: { why: undefined, known: true, lookups: 0 }
  })
})

t.test('each finding has an exit code, the gravest first', async t => {
  const { rig, plan } = await planning(t)
  change(rig, 'networks.yaml', 'R }]', 'R, review: 2020-01-01 }]')
  const warned = await plan()
  t.equal(warned.code, PLAN_EXIT.changes, 'a review date is a change of what is recorded')

  change(rig, 'apps/clip.yaml', '=cdn.example', 'cdn.example')
  const wider = await plan()
  t.match(wider, { code: PLAN_EXIT.changes, out: /blocked +app clip/ })

  const at = (minutes: number): string => new Date(Date.now() - minutes * 60_000).toISOString()
  const lookups = [
    ownLine({ time: at(5), client: '10.20.1.1', network: 'all', qname: 'x.cdn.example' }),
    ownLine({ time: at(6), client: '10.20.1.2', network: 'all', qname: 'x.cdn.example' }),
    ownLine({ time: at(60 * 25), client: '10.20.1.3', network: 'all', qname: 'x.cdn.example' })
  ]
  rig.site.write('queries.jsonl', lookups.join(''))
  const blocking = await plan()
  t.equal(blocking.code, PLAN_EXIT.blocks)
  t.match(blocking.out, /2 lookups of 2 clients newly blocked: x\.cdn\.example \(2\)/)
  t.match(blocking.json, {
    exitCode: PLAN_EXIT.blocks,
    forecast: { lookups: 2, changes: { blocked: { lookups: 2, clients: 2 } } }
  })

  change(rig, 'apps/clip.yaml', 'clip.example', 'other.example')
  const failing = await plan()
  t.match(failing, { code: PLAN_EXIT.tests, out: /tests\/a\.yaml:4:39: .*POLICY_TEST/ })

  change(rig, 'apps/clip.yaml', 'title', 'titel')
  const invalid = await plan()
  t.match(invalid, { code: 1, out: /clip\.yaml:2:1: .*\nNothing planned: 1 error/ })
  t.match(invalid.json, { planned: null, diff: null, forecast: null })
  t.equal(rig.gateway.rules.generation, 1, 'the gateway has nothing of it')
})

t.test('a list in several parts, and one of the log that has too little', async t => {
  const { rig, plan } = await planning(t, 'which: blocked')
  change(rig, 'lists/bad.txt', '@@||fine.bad.example^\n', '')
  const { code, out, json } = await plan()
  t.equal(code, PLAN_EXIT.changes)
  t.match(out, /fine\.bad\.example/)
  t.match(out, /No forecast: the query log has no lookups that were answered/)
  t.match(json, {
    diff: { changes: [{ change: 'blocked', names: 1 }] },
    forecast: { known: false }
  })
})

t.test('without a gateway, or with its socket off', async t => {
  const { rig, plan } = await planning(t)
  await rig.gateway.abort()
  await t.rejects(plan())
  const words = ['plan', '-c', rig.site.path('interdict.yaml')]
  t.match(await interdict(...words), { code: 1, err: /ADMIN_ABSENT/ })
  rig.site.write('interdict.yaml', 'admin: { socket: "" }\n')
  t.match(await interdict(...words), { code: 1, err: /ADMIN_OFF/ })
})
