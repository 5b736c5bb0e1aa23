import t from 'tap'
import { BadUpstream, good } from '../upstream/bad-upstream.js'
import { askTcp, askUdp } from './dns-client.js'
import { kinds, serving } from './serve.js'

for (const transport of kinds) {
  t.test(
    `${transport}: without an upstream it starts, blocks, and answers SERVFAIL otherwise`,
    async t => {
      const { at, log, gateway } = await serving(t, { transport })
      t.match(
        log.lines.find(({ level }) => level === 'warn'),
        { fields: { code: 'UPSTREAM_NONE' } }
      )
      t.strictSame(gateway.upstreams, [])
      for (const ask of [askUdp, askTcp]) {
        t.match(await ask(at, 'banned.example'), { rcode: 'NXDOMAIN', ede: 15 })
        t.match(await ask(at, 'www.example'), { rcode: 'SERVFAIL', ede: 23 })
      }
    }
  )
}

t.test('upstreams for some domains are used for those, and none for the rest', async t => {
  const upstream = await BadUpstream.open(good(5))
  t.teardown(() => upstream.close())
  const server = `127.0.0.1:${upstream.endpoint.port}`
  const { gateway, at } = await serving(t, {
    upstreams: `forward: { corp.example: ['${server}'] }`
  })
  t.strictSame(gateway.upstreams, [server])
  t.match(await askUdp(at, 'www.corp.example'), { answers: [/192\.0\.2\.5/] })
  t.match(await askUdp(at, 'www.example'), { rcode: 'SERVFAIL', ede: 23 })
})
