import { Worker } from 'node:worker_threads'
import t from 'tap'
import { readConfig } from '../../src/config/load.js'
import type { FromWorker, ToWorker, WorkerInit } from '../../src/daemon/threads/worker-messages.js'
import { threadOf } from '../../src/daemon/threads/thread.js'
import { SharedCache } from '../../src/daemon/workers/shared-cache.js'
import { compile } from '../../src/policy/compile/compile.js'
import type { Snapshot } from '../../src/policy/tables/snapshot.js'
import { createRing } from '../../src/querylog/record/ring.js'
import {
  allocateCounters,
  COUNTERS,
  ruleCounterLayout
} from '../../src/resolver/lookup-counters.js'
import { loadRules } from '../../src/rules/load.js'
import { DescriptorTable } from '../../src/udp/batch/descriptor-table.js'
import { freePort } from '../udp/free-port.js'
import { askUdp } from './dns-client.js'
import { kinds, MemoryLog, settingsText } from './serve.js'
import { banning, Site } from './site.js'

async function snapshotOf(site: Site, ...names: string[]): Promise<Snapshot> {
  site.write('rules/networks.yaml', banning(...names))
  const loaded = await loadRules(site.path('rules'))
  if (!loaded.ok) throw new Error('no rules')
  return compile(loaded.rules, { generation: 1, random: () => 1 })
}

for (const transport of kinds) {
  t.test(`${transport}: rules that arrive while the sockets are opened become active`, async t => {
    const site = new Site(t, {})
    const [before, after] = [
      await snapshotOf(site, 'a.example'),
      await snapshotOf(site, 'b.example')
    ]
    const read = readConfig(settingsText({ transport }), site.path('interdict.yaml'))
    if (!read.ok) throw new Error('no settings')
    // An address of its own: on the common one, a test beside this one may take the port.
    const address = '127.33.44.55'
    const endpoint = { address, port: await freePort(address) }

    const workerData: WorkerInit = {
      settings: {
        config: read.config,
        upstreams: [],
        labels: [],
        disabledRoutes: new Set(),
        cookieSecrets: undefined
      },
      number: 0,
      cache: new SharedCache(2 ** 20, 1, new MemoryLog()).memory,
      certificates: [],
      upstreamSockets: 32,
      notify: { primaries: [], zones: [] },
      ownKey: new Uint8Array(32),
      probeKey: '0123456789abcdef',
      ring: createRing(),
      counters: allocateCounters(COUNTERS),
      descriptors: new DescriptorTable().shared
    }
    const module = new URL('../../src/daemon/threads/worker-main.js', import.meta.url)
    const worker = new Worker(module, { workerData, execArgv: [] })
    const heard: FromWorker[] = []
    let ready = (): void => undefined
    let died = (): void => undefined
    const whenReady = new Promise<void>((resolve, reject) => {
      ready = resolve
      died = () => reject(new Error(`the worker ended after ${JSON.stringify(heard)}`))
    })
    const thread = threadOf<ToWorker, FromWorker>(worker, {
      message: message => {
        heard.push(message)
        if (heard.length === 2) ready()
      },
      exited: () => died()
    })
    const [counters, later] = [before, after].map(snapshot =>
      allocateCounters(ruleCounterLayout(snapshot).size)
    )
    thread.send({
      ...{ kind: 'listen', endpoints: [endpoint], sockets: [] },
      ...{ snapshot: before, counters: counters! }
    })
    thread.send({ kind: 'adopt', snapshot: after, counters: later! })
    await whenReady
    const kinds = heard.map(({ kind }) => kind)
    t.strictSame(kinds.sort(), ['adopted', 'listening'])
    t.equal((await askUdp(endpoint, 'b.example')).rcode, 'NXDOMAIN')
    t.equal((await askUdp(endpoint, 'a.example')).rcode, 'SERVFAIL')
    thread.send({ kind: 'end' })
    await thread.end(10_000)
  })
}
