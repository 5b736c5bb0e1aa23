import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { nxdomain, TestPrimary } from '../sources/axfr/primary.js'
import { interdict, writeSite } from './run.js'

t.test('interdict lists: a zone, from the first transfer to a failed one', async t => {
  const primary = await TestPrimary.open(t, [{ serial: 7, policies: nxdomain('one', 'two') }])
  const config = writeSite(t, {
    'interdict.yaml': `rules: rules
transfers: { primaries: { hq: { address: '127.0.0.1:${primary.port}' } } }
`,
    'rules/networks.yaml': `networks:
  all: { prefixes: [10.0.0.0/8], block: [{ lists: [rpz] }] }
lists: { rpz: { transfer: rpz.example, primaries: [hq] } }
`
  })
  const lists = (...words: string[]) => interdict('-c', config, 'lists', ...words)

  t.match((await lists()).out, /^rpz +rpz\.example +0 +- +- +missing$/m)
  t.match(await interdict('-c', config, 'check'), { code: 0, out: /RULES_ZONE_ABSENT/ })
  t.equal(primary.asked.length, 0, 'showing lists sends no query')

  const first = 'rpz: serial 7, 2 entries, updated by AXFR\n'
  t.match(await lists('update'), { code: 0, out: first })
  t.match(await lists('update', 'rpz'), { code: 0, out: 'rpz: serial 7, unchanged\n' })
  const { out } = await lists()
  t.match(out, /^rpz +rpz\.example +2 +\d+ s +\d+ s +good$/m)
  t.match(out, /^ {2}serial 7 of hq, confirmed \d+ s ago, refresh in 59 min/m)
  t.match(
    (await interdict('-c', config, 'check')).out,
    /list rpz: the copy of rpz.example is \d+ s/
  )

  primary.states.push({ serial: 8, policies: nxdomain('one', 'two', 'three') })
  t.match(await lists('update'), { code: 0, out: 'rpz: serial 8, 3 entries, updated by IXFR\n' })
  t.strictSame(JSON.parse((await lists('update', '--json')).out), {
    lists: [{ id: 'rpz', result: 'unchanged', entries: null, serial: 8, errors: [] }]
  })
  primary.close()
  const failed = await lists('update', '--json')
  t.match(failed, { code: 1, err: /TRANSFER_CONNECT/ })
  t.match(JSON.parse(failed.out), {
    lists: [{ id: 'rpz', result: 'failed', errors: [{ code: 'TRANSFER_CONNECT' }] }]
  })
  const { lists: said } = JSON.parse((await lists('--json')).out) as { lists: unknown[] }
  const zone = { serial: 8, primary: 'hq' }
  t.match(said[0], { id: 'rpz', state: 'failing', failures: 1, entries: 3, zone })
})

t.test('lists, bans and check report an expired zone', async t => {
  const primary = await TestPrimary.open(t, [{ serial: 7, policies: nxdomain('one') }])
  primary.timing = { refresh: 60, retry: 60, expire: 3600 }
  const config = writeSite(t, {
    'interdict.yaml': `rules: rules
transfers: { primaries: { hq: { address: '127.0.0.1:${primary.port}' } } }
`,
    'rules/networks.yaml': `networks:
  all: { prefixes: [10.0.0.0/8], block: [{ lists: [rpz] }] }
lists: { rpz: { transfer: rpz.example } }
`
  })
  await interdict('-c', config, 'lists', 'update')
  const path = join(dirname(config), 'state/zones/rpz.json')
  const record = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
  const refreshed = new Date(Date.now() - 5 * 3_600_000).toISOString()
  writeFileSync(path, JSON.stringify({ ...record, refreshed }))
  const { out } = await interdict('-c', config, 'lists')
  t.match(out, /^rpz .* expired$/m)
  t.match(out, /expired \d h \d+ min ago\s+but\s+still\s+in\s+force/)
  const listed = await interdict('-c', config, 'bans', '--json')
  t.match(listed, { code: 0, err: /^warning: zone rpz\.example expired .*TRANSFER_EXPIRED/ })
  const checked = await interdict('-c', config, 'check')
  t.equal(checked.code, 0)
  t.match(checked.out, /it expired .* ago but is still in force/)
})
