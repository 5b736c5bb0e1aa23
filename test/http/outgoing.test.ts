import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { eventually } from '../daemon/site.js'
import { OUTGOING } from './outgoing.js'
import { ProxyServer } from './proxy-server.js'

function secretFile(t: Test, text: string): string {
  const file = join(t.testdir({ proxy: text }), 'proxy')
  chmodSync(file, 0o600)
  return file
}

for (const { name, host, run } of OUTGOING) {
  t.test(`${name} through a proxy that requires credentials`, async t => {
    const proxy = await ProxyServer.start(t)
    proxy.credentials = 'gateway:s3cret:with colon'
    const file = secretFile(t, `${proxy.credentials}\n`)
    await run(t, `proxy: { url: '${proxy.url}', credentials-file: '${file}' }`)
    await eventually('a request', () => proxy.seen.length > 0)
    for (const one of proxy.seen) t.match(one, new RegExp(`^(CONNECT |\\w+ http://)${host}:`))
  })
}
