import { once } from 'node:events'
import t from 'tap'
import { RecorderHandle } from '../../src/lookups/threads/recorder-handle.js'
import type { RecorderInit } from '../../src/lookups/threads/log-messages.js'
import type { StartThread } from '../../src/base/threads/thread.js'
import type { Snapshot } from '../../src/policy/tables/snapshot.js'
import { readConfig } from '../../src/gateway/config/load-settings.js'
import { createRing } from '../../src/lookups/event/ring.js'
import { MemoryLog, settingsText, Threads } from './serve.js'
import { eventually, Site } from './site.js'

t.test('each recorder gets the active snapshot first, and does not keep it for ever', async t => {
  const started: { readonly data: unknown; readonly sent: unknown[] }[] = []
  let exit = (): void => undefined
  const start: StartThread = (_file, data, handlers) => {
    const sent: unknown[] = []
    started.push({ data, sent })
    exit = () => handlers.exited(undefined)
    return { send: message => sent.push(message), end: async () => undefined }
  }
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined }
  const handle = new RecorderHandle(start, {} as RecorderInit, log)
  const [first, second] = [1, 2].map(generation => ({ generation }) as Snapshot)
  handle.adopt(first!)
  handle.start()
  handle.adopt(second!)
  exit()
  await eventually('the restart', () => started.length === 2)
  const adopt = (snapshot: Snapshot): unknown => ({ kind: 'adopt', snapshot })
  // Start parameters are kept as long as the thread lives.
  t.strictSame(started, [
    { data: {}, sent: [adopt(first!), adopt(second!)] },
    { data: {}, sent: [adopt(second!)] }
  ])
  t.equal((started[1]!.sent[0] as { snapshot: Snapshot }).snapshot, second)
  await handle.end()
})

t.test('a recorder with an export thread ends itself, and is not terminated', async t => {
  const site = new Site(t, {})
  const outputs = "{ name: siem, type: syslog, to: 'udp://127.0.0.1:9' }"
  const read = readConfig(settingsText({ outputs }), site.path('interdict.yaml'))
  if (!read.ok) throw new Error('no settings')
  const { queries: settings, outputs: to } = read.config.log
  const threads = new Threads()
  const init = { settings, outputs: to, rings: [createRing()], upstreams: [] }
  const handle = new RecorderHandle(threads.start, init, new MemoryLog())
  handle.start()
  t.match(await handle.status(60_000), { written: 0 }, 'it runs')
  const exited = once(threads.of('recorder')[0]!, 'exit')
  t.ok(await handle.end())
  t.strictSame(await exited, [0])
})
