import t from 'tap'
import { askMany, askUdp } from './dns-client.js'
import { serving } from './serve.js'
import { banning, eventually } from './site.js'

const OWN = { ownThreads: true }

t.test('the recorder dies: answers continue, and logging resumes', async t => {
  const { threads, log, site, at, gateway } = await serving(t, OWN)
  await askUdp(at, 'one.banned.example')
  await eventually('the first record', () => site.records().length === 1)
  await threads.kill('recorder')
  await askUdp(at, 'two.banned.example')
  const { level } = await log.says('recorder died')
  t.equal(level, 'error')
  await askUdp(at, 'three.banned.example')
  await eventually('all records', () => site.records().length === 3)
  t.strictSame(
    site
      .records()
      .map(({ qname }) => qname)
      .sort(),
    ['one.banned.example', 'three.banned.example', 'two.banned.example']
  )
  t.ok(
    site.records().every(({ rule }) => rule !== undefined),
    'the new one knows the rules'
  )
  await gateway.stop()
  t.equal(site.records().length, 3)
})

t.test('the recorder dies during shutdown: pending records are still written', async t => {
  const { threads, site, at, gateway } = await serving(t, OWN)
  await threads.kill('recorder')
  await askMany(at, 'banned.example', 20)
  await gateway.stop()
  t.equal(site.records().length, 20)
})

t.test('the compiler dies while idle: the next reload works', async t => {
  const rig = await serving(t, OWN)
  await rig.gateway.reload('SIGHUP')
  await rig.threads.kill('compiler')
  await rig.log.says('compiler thread died')
  t.equal((await askUdp(rig.at, 'banned.example')).rcode, 'NXDOMAIN', 'the rules remain active')
  rig.site.write('rules/networks.yaml', banning('other.example'))
  await rig.generation(2)
  t.equal((await askUdp(rig.at, 'other.example')).rcode, 'NXDOMAIN')
  const { fields } = await rig.log.says('rules reloaded')
  t.match(
    fields,
    { changes: { names: { added: 1, removed: 1 } } },
    'it compares to the previous rules'
  )
})

t.test('the compiler dies twice on the same job: it is retried later', async t => {
  const rig = await serving(t, OWN)
  const reloaded = rig.gateway.reload('SIGHUP')
  await rig.threads.kill('compiler')
  await rig.threads.kill('compiler')
  await reloaded
  await rig.log.says('reload failed')
  t.equal((await askUdp(rig.at, 'banned.example')).rcode, 'NXDOMAIN', 'the rules remain active')
  const { fields, message } = await rig.log.says('unchanged')
  t.match(fields, { reason: 'retry' })
  t.match(message, 'errors are fixed')
})

t.test('the compiler dies during a job: another one repeats it', async t => {
  const rig = await serving(t, OWN)
  rig.site.write('rules/networks.yaml', banning('other.example'))
  const reloaded = rig.gateway.reload('SIGHUP')
  await rig.threads.kill('compiler')
  await reloaded
  await rig.generation(2)
  t.equal((await askUdp(rig.at, 'other.example')).rcode, 'NXDOMAIN')
})
