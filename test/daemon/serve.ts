import { resolve } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Test } from 'tap'
import { GATEWAY_SERVICES } from '../../src/cli/gateway-services.js'
import type { Milliseconds } from '../../src/base/units.js'
import { readConfig } from '../../src/gateway/config/load-settings.js'
import { Gateway, type GatewayOptions } from '../../src/gateway/control/gateway.js'
import { CompilerHandle, type SettingsSource } from '../../src/gateway/compiler/compiler-handle.js'
import { threadOf, type StartThread } from '../../src/base/threads/thread.js'
import type { LogFields, ServiceLog } from '../../src/base/log/service-log.js'
import type { Endpoint, Transport } from '../../src/wire/sockets/datagram.js'
import { chooseTransport } from '../../src/wire/sockets/transport.js'
import { transports } from '../server/transports.js'
import { HOSTED, startHosted } from './hosted-threads.js'
import { killableWorker, type FromTest } from './killable-worker.js'
import { banning, eventually, Site } from './site.js'

/** The transports available on this machine. */
export const kinds = transports().map(({ kind }) => kind)

/** The packed file of a thread, which starts three times as fast as separate modules. */
export const packed = (file: string): string => resolve('dist/bundle/serve', file)

export type Role =
  | 'worker'
  | 'compiler'
  | 'recorder'
  | 'fetcher'
  | 'transfer'
  | 'http'
  | 'probe'
  | 'validation'
  | 'bindings'
  | 'observation'

/** Starts threads like the program, and keeps track of them so that a test can kill them. */
export class Threads {
  /** All messages to all threads. */
  readonly sent: unknown[] = []
  /** Messages that are dropped on the way. */
  lost: (message: { readonly kind: string }) => boolean = () => false
  private readonly started: { readonly role: string; readonly worker: Worker }[] = []

  /** @param ownThreads see `Setting` */
  constructor(private readonly ownThreads = true) {}

  readonly start: StartThread = (file, data, handlers) => {
    const thread =
      HOSTED.includes(file) && !this.ownThreads
        ? startHosted(file, data, handlers)
        : this.startReal(file, data, handlers)
    const send: typeof thread.send = (message, transferred) => {
      this.sent.push(message)
      if (!this.lost(message as { kind: string })) thread.send(message, transferred)
    }
    return { send, end: patience => thread.end(patience) }
  }

  private readonly startReal: StartThread = (file, data, handlers) => {
    const isWorker = file === 'worker-main.js'
    const code = isWorker ? killableWorker(packed(file)) : packed(file)
    // Without tap's hooks, which take each thread longer to load than everything else.
    const worker = new Worker(code, { eval: isWorker, workerData: data, execArgv: [] })
    const one = { role: file, worker }
    this.started.push(one)
    worker.on('exit', () => this.started.splice(this.started.indexOf(one), 1))
    return threadOf(worker, handlers)
  }

  /** Running threads. */
  of(role: Role): Worker[] {
    return this.started.filter(one => one.role === `${role}-main.js`).map(({ worker }) => worker)
  }

  /** Kills the first one: a worker by an uncaught error, others by termination. */
  async kill(role: Role): Promise<void> {
    await eventually(`a ${role}`, () => this.of(role).length > 0)
    const running = this.of(role)
    // The newest of the others: a compiler that is ending, since it was idle, may still be here.
    const worker = role === 'worker' ? running[0]! : running.at(-1)!
    const exited = new Promise(resolve => worker.once('exit', resolve))
    if (role === 'worker') worker.postMessage({ kind: 'die' } satisfies FromTest)
    else void worker.terminate()
    await exited
  }

  /** Lets this time pass for all workers, by their monotonic clocks. Timers run on as before. */
  async letPass(time: Milliseconds): Promise<void> {
    const workers = this.of('worker')
    const count = new Int32Array(new SharedArrayBuffer(4))
    for (const worker of workers) {
      worker.postMessage({ kind: 'pass', time, count } satisfies FromTest)
    }
    await eventually('all clocks', () => Atomics.load(count, 0) === workers.length)
  }

  /** Shifts the wall clock of all workers. */
  setClocks(off: Milliseconds): void {
    for (const worker of this.of('worker')) {
      worker.postMessage({ kind: 'clock', off } satisfies FromTest)
    }
  }
}

interface Line {
  readonly level: 'info' | 'warn' | 'error'
  readonly fields: LogFields
  readonly message: string
}

export class MemoryLog implements ServiceLog {
  readonly lines: Line[] = []
  info = (fields: LogFields, message: string): void => this.add('info', fields, message)
  warn = (fields: LogFields, message: string): void => this.add('warn', fields, message)
  error = (fields: LogFields, message: string): void => this.add('error', fields, message)

  with(text: string): Line[] {
    return this.lines.filter(({ message }) => message.includes(text))
  }

  /** Waits until this many lines contain the text. Returns the last of them. */
  async says(text: string, times = 1): Promise<Line> {
    await eventually(`a line with ${text}`, () => this.with(text).length >= times)
    return this.with(text)[times - 1]!
  }

  private add(level: Line['level'], fields: LogFields, message: string): void {
    this.lines.push({ level, fields, message })
  }
}

export interface Setting {
  readonly transport?: 'batch' | 'portable'
  readonly workers?: number
  readonly listen?: readonly string[]
  /** More of `upstreams`, and all of `log.queries`, as YAML. */
  readonly upstreams?: string
  /** `upstreams.loop-check`. */
  readonly loopCheck?: string
  /** `upstreams.idle-probe`. */
  readonly idleProbe?: string
  readonly queries?: string
  /** `log.queries.file`. */
  readonly queryLog?: string
  /** `log.outputs`, as YAML. */
  readonly outputs?: string
  /** All of `cache`, as YAML. */
  readonly cache?: string
  readonly grace?: string
  /** Other sections, as YAML. */
  readonly more?: string
  /** Files below the site's folder, instead of rules that ban banned.example. */
  readonly files?: Readonly<Record<string, string>>
  readonly upstream?: Endpoint
  /**
   * Whether the compiler and the recorder are threads of their own, as in the program. By default they
   * run in a thread that all gateways of the process share.
   */
  readonly ownThreads?: boolean
  readonly predecessor?: GatewayOptions['predecessor']
  /** Whether `interdict.yaml` is written into the site, and reloaded when it changes. */
  readonly reloads?: boolean
  /** Wraps the transport of the control thread. */
  readonly change?: (transport: Transport) => Transport
}

/** A gateway in this process, with real threads. */
export class Rig {
  readonly log = new MemoryLog()
  readonly threads: Threads
  readonly site: Site
  readonly gateway: Gateway

  constructor(t: Test, setting: Setting = {}) {
    this.site = new Site(t, setting.files ?? { 'rules/networks.yaml': banning('banned.example') })
    const text = settingsText(setting)
    const path = this.site.path('interdict.yaml')
    if (setting.reloads === true) this.site.write('interdict.yaml', text)
    const read = readConfig(text, path)
    if (!read.ok) throw new Error(read.errors.map(({ message }) => message).join('\n'))
    const { config } = read
    this.threads = new Threads(setting.ownThreads ?? false)
    const { start: startThread } = this.threads
    const { transport, fallbackReason } = chooseTransport(config.transport)
    this.gateway = new Gateway({
      config,
      source: setting.reloads === true ? sourceOf(path) : undefined,
      transport: setting.change?.(transport) ?? transport,
      fallbackReason,
      log: this.log,
      startThread,
      services: GATEWAY_SERVICES,
      compiler: new CompilerHandle(startThread),
      predecessor: setting.predecessor
    })
    t.teardown(() => this.gateway.abort())
  }

  get at(): Endpoint {
    return this.gateway.endpoints[0]!
  }

  /** Waits until this generation of the rules, or a later one, is active. */
  async generation(wanted: number): Promise<void> {
    await eventually(`generation ${wanted}`, () => this.gateway.rules.generation >= wanted)
  }
}

/** As if it had been read: the first check finds the file changed, and the settings unchanged. */
function sourceOf(path: string): SettingsSource {
  return { file: { path, sha256: '' }, watchState: new Map([[path, '']]) }
}

/** Starts until a port that was free is still free when the workers listen. */
const START_TRIES = 3

/** Starts a gateway; `prepare` is called before the start. */
export async function serving(
  t: Test,
  setting: Setting = {},
  prepare?: (rig: Rig) => void
): Promise<Rig> {
  for (let tries = 1; ; tries++) {
    const rig = new Rig(t, setting)
    prepare?.(rig)
    const troubles = await rig.gateway.start()
    if (troubles.length === 0) return rig
    const isAnyPort = (setting.listen ?? []).every(address => /:0\b/.test(address))
    const isTaken = isAnyPort && troubles.every(isPortTaken)
    if (!isTaken || tries === START_TRIES) {
      throw new Error(troubles.map(({ message }) => message).join('\n'))
    }
    await rig.gateway.abort()
  }
}

/** Another process of the tests may take the port that the system has just chosen. */
const isPortTaken = ({ code }: { readonly code: string }): boolean => code === 'SOCKET_BIND'

export function settingsText(setting: Setting): string {
  const { transport = kinds[0], workers = 1, listen = ['127.0.0.1:0'], upstream } = setting
  const servers = upstream === undefined ? '' : `'${upstream.address}:${upstream.port}'`
  const {
    upstreams = '',
    loopCheck = '0s',
    idleProbe = '0s',
    cache = '',
    queries = 'flush: 10ms'
  } = setting
  const { grace = '5s', more = '', outputs = '', queryLog = 'queries.jsonl' } = setting
  return `
listen: [${listen.map(one => (one.startsWith('{') ? one : `'${one}'`)).join(', ')}]
transport: ${transport}
workers: ${workers}
upstreams: { servers: [${servers}], use-resolv-conf: false, loop-check: ${loopCheck}, idle-probe: ${idleProbe}, ${upstreams} }
cache: { ${cache} }
log: { queries: { file: ${queryLog}, ${queries} }, outputs: [${outputs}] }
shutdown: { grace: ${grace} }
${more}
`
}
