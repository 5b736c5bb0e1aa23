import t from 'tap'
import { banned } from './banned.js'
import { bundle, isInForce, put, started } from './bundle-rig.js'
import { Rig, serving } from './serve.js'
import { banning } from './site.js'

const NETWORKS = 'rules/networks.yaml'
const mustResolve = (name: string, rules: string): string => `must-resolve: [${name}]\n${rules}`

t.test('rules that block a name that must resolve are refused', async t => {
  const files = { [NETWORKS]: mustResolve('login.example', banning('banned.example')) }
  const more = 'rules: { folder: rules, tests: warn }'
  const rig = await serving(t, { files, more })
  rig.site.write(NETWORKS, mustResolve('login.example', banning('login.example')))
  await rig.log.says('reload failed')
  const [error] = rig.log.lines.filter(({ fields }) => fields.code === 'RULES_MUST_RESOLVE')
  t.match(error, {
    level: 'error',
    message: /networks\.yaml:1:16: must-resolve\[0\]: login\.example/
  })
  t.notOk(await banned(rig, 'login.example'))
  t.ok(await banned(rig, 'banned.example'))
})

t.test('names of probe.control are in the same list', async t => {
  const rig = await serving(t, {
    files: { [NETWORKS]: banning('banned.example') },
    more: 'probe: { control: [login.example] }'
  })
  rig.site.write(NETWORKS, banning('login.example'))
  await rig.log.says('reload failed')
  const [error] = rig.log.lines.filter(({ fields }) => fields.code === 'RULES_MUST_RESOLVE')
  t.match(
    error!.message,
    /interdict\.yaml:\d+:\d+: probe\.control\[0\]: login\.example must resolve/
  )
})

t.test('a bundle that blocks a name that must resolve is refused, and never accepted', async t => {
  const files = (name: string) => ({
    'networks.yaml': mustResolve('login.example', banning(name))
  })
  const served = await started(t, { serial: 7, files: files('n7.example') })
  put(served.site, await bundle({ serial: 8, files: files('login.example') }))
  await served.log.says('reload failed')
  await isInForce(t, served, 7)
})

t.test('a list that changes by itself may not block such a name', async t => {
  const list = `lists:
  ads: { file: lists/ads.txt }
`
  const rules = mustResolve('login.example', banning('banned.example')) + list
  const files = {
    [NETWORKS]: rules.replace('    bans:', '    block: [{ lists: [ads] }]\n    bans:'),
    'rules/lists/ads.txt': 'ads.example\n'
  }
  const rig = await serving(t, { files })
  rig.site.write('rules/lists/ads.txt', 'ads.example\nlogin.example\n')
  await rig.log.says('reload failed')
  t.notOk(await banned(rig, 'login.example'))
})

t.test('the gateway does not start with such rules, if it has no earlier ones', async t => {
  const files = { [NETWORKS]: mustResolve('login.example', banning('login.example')) }
  const rig = new Rig(t, { files })
  t.match(await rig.gateway.start(), [{ code: 'RULES_MUST_RESOLVE' }])
})
