import { once } from 'node:events'
import { createServer } from 'node:net'
import t, { type Test } from 'tap'
import { banning, Site } from '../daemon/site.js'
import { interdict } from './run.js'

/** Stands in for a gateway that is replaced: what it replies to each request, in turn; undefined: it hangs up. */
async function gateway(t: Test, replies: readonly (object | undefined)[]): Promise<Site> {
  const site = new Site(t, {
    'interdict.yaml': 'admin: { socket: admin.sock }\n',
    'rules/networks.yaml': banning('banned.example')
  })
  const left = [...replies]
  const server = createServer(socket => {
    const reply = left.shift()
    socket.on('error', () => undefined)
    socket.once('data', () => {
      if (reply === undefined) socket.destroy()
      else socket.end(`${JSON.stringify(reply)}\n`)
    })
  })
  server.listen(site.path('admin.sock'))
  await once(server, 'listening')
  t.teardown(() => server.close())
  return site
}

const status = (started: string): object => ({
  ok: true,
  result: { started, version: '1.0.0', transport: 'batch' }
})
const upgraded = (version: string): object => ({
  ok: true,
  result: { from: { pid: 1, version: '1.0.0' }, to: { pid: 2, version } }
})

t.test('an upgrade ends when the new process answers', async t => {
  const replies = [status('then'), upgraded('1.1.0'), status('then'), undefined, status('now')]
  const site = await gateway(t, replies)
  const { code, out } = await interdict('upgrade', '-c', site.path('interdict.yaml'))
  t.equal(code, 0)
  t.equal(out, 'Upgraded from 1.0.0 to 1.1.0: process 1 was replaced by 2\n')
})

t.test('the same version is a restart; as JSON', async t => {
  const site = await gateway(t, [
    ...[status('then'), upgraded('1.0.0'), status('now')],
    ...[status('then'), upgraded('1.0.0'), status('now')]
  ])
  const words = ['upgrade', '-c', site.path('interdict.yaml')]
  t.equal((await interdict(...words)).out, 'Restarted 1.0.0: process 1 was replaced by 2\n')
  const { from, to } = JSON.parse((await interdict(...words, '--json')).out) as {
    from: object
    to: object
  }
  t.strictSame(
    [from, to],
    [
      { pid: 1, version: '1.0.0' },
      { pid: 2, version: '1.0.0' }
    ]
  )
})

t.test('a new process that does not answer in time is not waited for', async t => {
  const site = await gateway(t, [status('then'), upgraded('1.1.0')])
  const words = ['upgrade', '-c', site.path('interdict.yaml'), '--timeout', '300']
  t.match(await interdict(...words), { code: 0, out: /Upgraded/ })
})

t.test('an upgrade that fails', async t => {
  const failed = { ok: false, code: 'UPGRADE_FAILED', message: 'the new process did not take over' }
  const site = await gateway(t, [status('then'), failed])
  const { code, err } = await interdict('upgrade', '-c', site.path('interdict.yaml'))
  t.equal(code, 1)
  t.equal(err, 'the new process did not take over (UPGRADE_FAILED)\n')
})

t.test('upgrade-check names the version that runs', async t => {
  const site = await gateway(t, [status('then')])
  const { out } = await interdict('upgrade-check', '-c', site.path('interdict.yaml'))
  t.match(out, 'Running gateway: 1.0.0')
  t.match(out, /run interdict upgrade/)
})
