import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { ConnectionMessage } from '../../../src/gateway/egress/connection-messages.js'
import { ConnectionClient } from '../../../src/gateway/egress/connection-client.js'
import { ConnectionServer } from '../../../src/gateway/egress/connection-server.js'
import { eventually } from '../site.js'

const LINE =
  '[1796145399.717883] [NEW] tcp 6 120 SYN_SENT src=10.20.3.4 dst=203.0.113.9 sport=35520 dport=443 [UNREPLIED] src=203.0.113.9 dst=10.20.3.4 sport=443 dport=35520 id=3120401039'

/** In the folder of a test, paths are longer than a socket may have. */
function shortFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-egress-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A server with a program in place of conntrack, and a gateway that connects to it. */
async function rig(t: Test, script: string) {
  const folder = shortFolder(t)
  const program = join(folder, 'conntrack')
  writeFileSync(program, `#!/bin/sh\n${script}\n`)
  chmodSync(program, 0o755)
  const logged: string[] = []
  const server = new ConnectionServer(program, (_level, message) => logged.push(message))
  const path = join(folder, 'sock')
  await server.listen(path)
  const messages: ConnectionMessage[] = []
  const downs: string[] = []
  const client = new ConnectionClient(path, {
    message: message => messages.push(message),
    down: error => downs.push(error)
  })
  client.start()
  t.teardown(() => {
    client.close()
    server.close()
  })
  return { folder, path, messages, downs, logged, server, client }
}

t.test('sends events of conntrack to the gateway, and what was lost', async t => {
  const script = `echo '${LINE}'; echo nonsense; echo 'hit ENOBUFS' >&2; exec sleep 60`
  const { messages, logged } = await rig(t, script)
  await eventually('an event', () => messages.some(one => 'events' in one && one.lost === 1))
  await eventually('its state', () => messages.some(one => 'reading' in one))
  t.match(messages.find(one => 'events' in one)?.events, [
    { kind: 'begin', client: '10.20.3.4', destination: '203.0.113.9', port: 443 }
  ])
  t.match(
    messages.find(one => 'reading' in one),
    { reading: true, error: null }
  )
  t.same(logged, ['reading connections'])
})

t.test('says why connections cannot be read, and tries again', async t => {
  const { messages, logged } = await rig(t, `echo 'Operation not permitted' >&2; exit 1`)
  await eventually('two tries', () => messages.length >= 2)
  t.match(messages, [{ reading: false, error: 'Operation not permitted' }])
  t.match(logged[0], /connections not read: Operation not permitted/)
})

t.test('a program that does not exist is a reason, too', async t => {
  const folder = shortFolder(t)
  const server = new ConnectionServer(join(folder, 'none'), () => undefined)
  await server.listen(join(folder, 'sock'))
  const messages: ConnectionMessage[] = []
  const client = new ConnectionClient(join(folder, 'sock'), {
    message: message => messages.push(message),
    down: () => undefined
  })
  client.start()
  t.teardown(() => {
    client.close()
    server.close()
  })
  await eventually('a state', () => messages.length > 0)
  t.match(messages, [{ reading: false, error: /ENOENT|no such file/ }])
})

t.test('disconnects from what sends something else', async t => {
  const path = join(shortFolder(t), 'sock')
  const server = createServer(socket => socket.end('{"events":[{"kind":"begin"}],"lost":0}\n'))
  await new Promise<void>(done => server.listen(path, done))
  const downs: string[] = []
  const client = new ConnectionClient(path, {
    message: () => t.fail('it is not a message'),
    down: error => downs.push(error)
  })
  client.start()
  t.teardown(() => {
    client.close()
    server.close()
  })
  await eventually('the end', () => downs.length > 0)
  t.match(downs[0], /not a message/)
})
