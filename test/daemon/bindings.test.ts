import { rmSync } from 'node:fs'
import t, { type Test } from 'tap'
import { whoHad } from '../../src/lookups/bindings/who.js'
import { askUdp } from './dns-client.js'
import { serving, type Setting } from './serve.js'
import { eventually } from './site.js'

const ban = (name: string): string => `[{ authority: Nobody, reference: none, names: [${name}] }]`
const RULES = `networks:
  lan: { prefixes: [127.0.0.0/8], bans: ${ban('lan.example')} }
  phones: { bans: ${ban('phones.example')} }
  kiosks: { bans: ${ban('kiosk.example')} }
  strict: { bans: ${ban('strict.example')} }
clients:
  boss: { network: kiosks, user: boss }
  staff-phones: { network: phones, group: [phones], host: [phone-1] }
  kiosk: { network: kiosks, mac: '02-00-5E-10-00-09' }
  others: { network: strict, unknown-in: [lan] }
`
const NAMES = ['lan.example', 'phones.example', 'kiosk.example', 'strict.example']
const line = (facts: object): string => `${JSON.stringify({ address: '127.0.0.1', ...facts })}\n`
const AT = new Date(Date.now() - 60_000).toISOString()

const setting = (): Setting => ({
  queries: 'flush: 10ms, which: all',
  workers: 1,
  more: 'bindings: { skew: 0s, feeds: [{ name: nac, type: json, file: nac.jsonl }] }',
  files: { 'rules/networks.yaml': RULES, 'nac.jsonl': '' }
})

async function started(t: Test) {
  const { gateway, site, log, threads } = await serving(t, setting())
  const [at] = gateway.endpoints
  /** The networks whose bans apply. */
  const bans = async (): Promise<string> => {
    const replies = await Promise.all(NAMES.map(name => askUdp(at!, name)))
    return NAMES.filter((_, i) => replies[i]!.rcode === 'NXDOMAIN')
      .map(name => name.replace('.example', ''))
      .join(' ')
  }
  const settles = async (expected: string): Promise<void> => {
    await eventually(expected, async () => (await bans()) === expected)
    t.equal(await bans(), expected)
  }
  return { gateway, site, log, threads, settles }
}

t.test('puts a client into a network by the device behind its address', async t => {
  const { gateway, site, settles } = await started(t)
  const say = (facts: object): void => site.write('nac.jsonl', line({ from: AT, ...facts }))
  await eventually('the feed', async () => (await gateway.status()).bindings?.feeds[0]?.up === true)
  // No feed knows the device: it is in the network for such devices, and under the bans of its address.
  await settles('lan strict')
  say({ mac: '02:00:5e:10:00:01', user: 'anna', groups: ['staff', 'phones'] })
  await settles('lan phones')
  say({ mac: '02:00:5e:10:00:09' })
  await settles('lan kiosk')
  // The first client in the order written.
  say({ mac: '02:00:5e:10:00:02', user: 'Boss', groups: ['phones'] })
  await settles('lan kiosk')
  // A device that is known, and no client: by its address alone.
  say({ mac: '02:00:5e:10:00:03', host: 'printer' })
  await settles('lan')
  say({ mac: '02:00:5e:10:00:04', host: 'phone-1' })
  await settles('lan phones')
  await eventually('records', () => {
    const names = new Set(site.records().map(({ device }) => device))
    return names.has('staff-phones/phone-1') && names.has('kiosk') && names.has('others')
  })
  await eventually('the state', async () => (await gateway.status()).bindings?.bindings === 1)
  await eventually('the history', async () => {
    const found = await whoHad(site.folder, '127.0.0.1', Date.now() - 1000, 0)
    return found.status === 'known' && found.device.host === 'phone-1'
  })
})

t.test('knows no device while the feed is down, or says nothing that can be read', async t => {
  const { site, log, settles } = await started(t)
  site.write('nac.jsonl', line({ from: AT, mac: '02:00:5e:10:00:09' }))
  await settles('lan kiosk')
  rmSync(site.path('nac.jsonl'))
  await settles('lan strict')
  t.match(await log.says('feed nac of bindings is down'), { fields: { code: 'BINDINGS_FEED' } })
  site.write('nac.jsonl', `nonsense\n${line({ from: AT, mac: '02:00:5e:10:00:09' })}`)
  await settles('lan kiosk')
  t.match(await log.says('line 1'), { fields: { code: 'BINDINGS_LINE' } })
})

t.test('knows no device while its thread is dead', async t => {
  const { site, threads, log, settles } = await started(t)
  site.write('nac.jsonl', line({ from: AT, mac: '02:00:5e:10:00:09' }))
  await settles('lan kiosk')
  await threads.kill('bindings')
  await log.says('bindings thread died')
  await settles('lan kiosk')
})
