import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { askUdp } from '../daemon/dns-client.js'
import { isBanned } from '../daemon/banned.js'
import { banning, eventually, Site } from '../daemon/site.js'
import { interdict } from './run.js'
import { listenAddress, startServer } from './server-process.js'

const settings = (key: string): string => `listen: ['127.0.0.1:0']
workers: 1
upstreams: { use-resolv-conf: false }
rules: { bundle: rules.bundle, keys: [${key}] }
admin: { socket: admin.sock }
`

/** A site with two bundles, 7 and 8, each with a ban of its own. */
async function place(t: Test) {
  const site = new Site(t, {})
  const config = site.path('interdict.yaml')
  const { out } = await interdict('bundle', 'keygen', site.path('key.pem'))
  site.write('interdict.yaml', settings(out.trim()))
  const make = async (serial: number): Promise<string> => {
    const file = site.path(`${serial}.bundle`)
    site.write(`rules-${serial}/networks.yaml`, banning(`n${serial}.example`))
    const from = ['bundle', site.path(`rules-${serial}`), '-o', file]
    const made = await interdict(...from, '-k', site.path('key.pem'), '--serial', `${serial}`)
    t.equal(made.code, 0, made.err)
    return file
  }
  const offer = (file: string): void => site.write('rules.bundle', readFileSync(file))
  const run = (...words: string[]) => interdict(...words, '-c', config)
  return { site, make, offer, run }
}

t.test('rolls back within a second; --list and --dry-run change nothing', async t => {
  const { site, make, offer, run } = await place(t)
  offer(await make(7))
  const server = startServer(t, site)
  const at = await listenAddress(server)
  const bans = async (name: string): Promise<boolean> => isBanned(await askUdp(at, name))
  t.match(await run('rollback'), { code: 1, err: /BUNDLE_NO_EARLIER/ })
  offer(await make(8))
  await eventually('the newer one', () => bans('n8.example'))

  t.match(await run('rollback', '--list'), { code: 0, out: /^\* 8 .*\n {2}7 .*\n2 bundles/ })
  const tried = await run('rollback', '--dry-run')
  t.match(tried, { code: 0, out: /n8\.example/ }, 'as diff says it')
  t.match(tried.out, /From bundle 8 to bundle 7/)
  t.ok(await bans('n8.example'), 'nothing has changed')

  t.match(await run('rollback', '--user', 'Ann'), {
    code: 0,
    out: /from bundle 8 to 7;/
  })
  await eventually('the earlier one', () => bans('n7.example'))
  await server.says(/BUNDLE_ROLLED_BACK/)
  const { rules } = JSON.parse((await run('status', '--json')).out) as { rules: object }
  t.match(rules, { bundle: { serial: 7, newest: 8, rollback: { from: 8, to: 7, by: 'Ann' } } })
  t.match(await run('status'), { out: /bundle 7, created .*\n.*rolled back from 8 by / })
  const explained = await run('explain', 'n7.example', '-f', '127.0.0.1', '--no-upstream')
  t.match(explained.out, /^Rules SHA-256 [0-9a-f]{64}, serial 7$/m)
  t.match(await run('bans'), { out: /^Rules from bundle 7$/m })
  t.match(JSON.parse((await run('bans', '--json')).out), { rules: { serial: 7 } })
  t.match(await run('check'), { code: 0, out: /, serial 7$/m })

  const back = async (): Promise<unknown> =>
    JSON.parse((await run('rollback', '--to', '8', '--json')).out)
  t.strictSame(await back(), { from: 7, to: 8, changed: true })
  t.strictSame(await back(), { from: 8, to: 8, changed: false })
  await eventually('forth again', () => bans('n8.example'))
})

t.test('without a running gateway, the next start uses the bundle', async t => {
  const { site, make, offer, run } = await place(t)
  for (const serial of [7, 8]) {
    offer(await make(serial))
    const server = startServer(t, site)
    await listenAddress(server)
    server.child.kill('SIGTERM')
    await server.ended
  }
  t.match(await run('rollback', '--to', '7'), { code: 0 })
  const server = startServer(t, site)
  t.ok(isBanned(await askUdp(await listenAddress(server), 'n7.example')))
})

t.test('rejects bundles that cannot be put in force', async t => {
  const { site, make, offer, run } = await place(t)
  t.match(await run('rollback', '--list'), { code: 1, err: /BUNDLE_NO_EARLIER/ })
  for (const serial of [7, 8]) {
    offer(await make(serial))
    const server = startServer(t, site)
    await listenAddress(server)
    server.child.kill('SIGTERM')
    await server.ended
  }
  t.match(await run('rollback', '--to', '6'), { code: 1, err: /BUNDLE_NOT_KEPT/ })
  t.match(await run('rollback', '--to', 'x'), { code: 2, err: /--to/ })
  const kept = join('state', 'bundles', '7.bundle')
  const octets = site.octets(kept)
  writeFileSync(site.path(kept), octets.subarray(0, -1))
  t.match(await run('rollback', '--to', '7'), { code: 1, err: /BUNDLE_BROKEN/ })
  t.match(await run('rollback', '--list'), { code: 0, out: /BUNDLE_BROKEN/ })
  rmSync(site.path(kept))
  t.match(await run('rollback'), { code: 1, err: /BUNDLE_UNREADABLE/ })
  writeFileSync(site.path(kept), octets)
  const { out } = await interdict('bundle', 'keygen', site.path('other.pem'))
  site.write('interdict.yaml', settings(out.trim()))
  t.match(await run('rollback'), { code: 1, err: /BUNDLE_UNSIGNED/ }, 'by the keys of now')
  site.write('interdict.yaml', 'rules: rules\n')
  t.match(await run('rollback'), { code: 1, err: /BUNDLE_OFF/ })
})
