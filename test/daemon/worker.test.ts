import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { readConfig } from '../../src/gateway/config/load-settings.js'
import type {
  CountedSnapshot,
  FromWorker,
  ToWorker,
  WorkerInit
} from '../../src/gateway/workers/worker-messages.js'
import { collectGarbage } from '../../src/base/threads/heap.js'
import { threadOf } from '../../src/base/threads/thread.js'
import { warmUp } from '../../src/gateway/workers/warm-up.js'
import { systemClock } from '../../src/base/time/clock.js'
import { PackedAnswerCache } from '../../src/resolver/cache/packed.js'
import { chooseTransport } from '../../src/wire/sockets/transport.js'
import { DataPlane } from '../../src/gateway/workers/data-plane.js'
import { SharedCache } from '../../src/gateway/workers/shared-cache.js'
import { compile } from '../../src/policy/compile/compile.js'
import type { Snapshot } from '../../src/policy/tables/snapshot.js'
import { createRing } from '../../src/lookups/event/ring.js'
import {
  allocateCounters,
  COUNTERS,
  ruleCounterLayout
} from '../../src/resolver/context/lookup-counters.js'
import { loadRules } from '../../src/policy/rules/load.js'
import { DescriptorTable } from '../../src/base/system/descriptor-table.js'
import type { DatagramSocket, Endpoint, Transport } from '../../src/wire/sockets/datagram.js'
import { freePort } from '../udp/free-port.js'
import { askUdp } from './dns-client.js'
import { flood } from './flood.js'
import { kinds, MemoryLog, packed, settingsText } from './serve.js'
import { banning, eventually, Site } from './site.js'

async function snapshotOf(site: Site, ...names: string[]): Promise<Snapshot> {
  site.write('rules/networks.yaml', banning(...names))
  const loaded = await loadRules(site.path('rules'))
  if (!loaded.ok) throw new Error('no rules')
  return compile(loaded.rules, { generation: 1, random: () => 1 })
}

/** What a worker starts with, and where it is to listen. */
async function stage(
  site: Site,
  transport: (typeof kinds)[number]
): Promise<{ init: WorkerInit; endpoint: Endpoint }> {
  const read = readConfig(settingsText({ transport }), site.path('interdict.yaml'))
  if (!read.ok) throw new Error('no settings')
  // An address of its own: on the common one, a test beside this one may take the port.
  const address = '127.33.44.55'
  const endpoint = { address, port: await freePort(address) }
  const init: WorkerInit = {
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
    devices: undefined,
    denied: undefined,
    counters: allocateCounters(COUNTERS),
    descriptors: new DescriptorTable().shared
  }
  return { init, endpoint }
}

async function rulesOf(site: Site, ...names: string[]): Promise<CountedSnapshot> {
  const snapshot = await snapshotOf(site, ...names)
  return { snapshot, counters: allocateCounters(ruleCounterLayout(snapshot).size) }
}

for (const transport of kinds) {
  t.test(`${transport}: a data plane keeps nothing of replaced rules`, async t => {
    const site = new Site(t, {})
    const { init, endpoint } = await stage(site, transport)
    const ignore = (): void => undefined
    const dataPlane = new DataPlane(init, new MemoryLog(), ignore, ignore)
    t.teardown(() => dataPlane.close())
    const start = async (): Promise<WeakRef<Snapshot>> => {
      const rules = await rulesOf(site, 'a.example')
      await dataPlane.listen([endpoint], rules, [])
      return new WeakRef(rules.snapshot)
    }
    const first = await start()
    t.equal((await askUdp(endpoint, 'a.example')).rcode, 'NXDOMAIN')
    dataPlane.adopt(await rulesOf(site, 'b.example'))
    t.equal((await askUdp(endpoint, 'b.example')).rcode, 'NXDOMAIN')
    await eventually('the first rules are collected', () => {
      collectGarbage()
      return first.deref() === undefined
    })
  })

  t.test(`${transport}: rules that arrive while the sockets are opened become active`, async t => {
    const site = new Site(t, {})
    const [before, after] = [await rulesOf(site, 'a.example'), await rulesOf(site, 'b.example')]
    const { init: workerData, endpoint } = await stage(site, transport)
    const module = new URL('../../src/gateway/workers/worker-main.js', import.meta.url)
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
    thread.send({ kind: 'listen', endpoints: [endpoint], sockets: [], warmsUp: false, ...before })
    thread.send({ kind: 'adopt', ...after })
    await whenReady
    const kinds = heard.map(({ kind }) => kind)
    t.strictSame(kinds.sort(), ['adopted', 'listening'])
    t.equal((await askUdp(endpoint, 'b.example')).rcode, 'NXDOMAIN')
    t.equal((await askUdp(endpoint, 'a.example')).rcode, 'SERVFAIL')
    thread.send({ kind: 'end' })
    await thread.end(10_000)
  })

  t.test(`${transport}: a worker warms up with sockets and memory of its own`, async t => {
    const site = new Site(t, {})
    const rules = await rulesOf(site, 'a.example')
    const { init } = await stage(site, transport)
    const { transport: real } = chooseTransport(transport)
    const servers: DatagramSocket[] = []
    const closed: string[] = []
    const watched = <S extends { close(): void }>(socket: S, name: string): S => {
      const close = socket.close.bind(socket)
      const closeWatched = (): void => {
        closed.push(name)
        close()
      }
      return Object.assign(socket, { close: closeWatched })
    }
    const watching: Transport = {
      ...real,
      bind: async (...options) => {
        servers.push(watched(await real.bind(...options), 'server'))
        return servers.at(-1)!
      },
      open: (...options) => watched(real.open(...options), 'client')
    }
    const fresh = createRing()
    await warmUp(init, rules, watching, new AbortController().signal)
    const [upstream, plane] = servers
    t.ok(upstream!.counts.received > 0, 'it asks its own upstream')
    t.ok(plane!.counts.sent > upstream!.counts.received, 'and answers from its own cache, too')
    t.equal(closed.filter(name => name === 'server').length, 2)
    t.ok(closed.includes('client'))
    for (const memory of [init.counters, rules.counters])
      t.ok(new Float64Array(memory).every(count => count === 0))
    t.ok(Buffer.from(init.ring).equals(Buffer.from(fresh)))
    const cache = new PackedAnswerCache(init.cache.answers, systemClock, 0, 1)
    t.equal(cache.entries, 0)
  })

  t.test(`${transport}: a worker that is ended while it warms up ends`, async t => {
    const site = new Site(t, {})
    const rules = await rulesOf(site, 'a.example')
    const { init: workerData, endpoint } = await stage(site, transport)
    const worker = new Worker(packed('worker-main.js'), { workerData, execArgv: [] })
    const exited = once(worker, 'exit')
    const listen = { endpoints: [endpoint], sockets: [], warmsUp: true, ...rules }
    worker.postMessage({ kind: 'listen', ...listen })
    worker.postMessage({ kind: 'end' })
    t.strictSame(await exited, [0])
  })

  t.test(`${transport}: a worker that fails while datagrams arrive ends alone`, async t => {
    const site = new Site(t, {})
    const rules = await rulesOf(site, 'a.example')
    const { init: workerData, endpoint } = await stage(site, transport)
    const worker = new Worker(packed('worker-main.js'), { workerData, execArgv: [] })
    const heard: FromWorker[] = []
    worker.on('message', (message: FromWorker) => {
      heard.push(message)
      const unknown = {} as CountedSnapshot
      if (message.kind === 'listening') worker.postMessage({ kind: 'adopt', ...unknown })
    })
    worker.postMessage({
      kind: 'listen',
      endpoints: [endpoint],
      sockets: [],
      warmsUp: false,
      ...rules
    })
    await flood(endpoint, once(worker, 'exit'))
    t.strictSame(
      heard.map(({ kind }) => kind),
      ['listening', 'failed']
    )
  })
}
