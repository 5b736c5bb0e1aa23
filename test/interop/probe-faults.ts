/**
 * The probe in the gateway: real gateways with real threads get faults, which each have to be found within the
 * interval, and to be over when they are repaired. `PROBE_EVERY` is the interval in seconds. Run by `npm run test:interop`.
 */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import t, { type Test } from 'tap'
import { GATEWAY_SERVICES } from '../../src/cli/gateway-services.js'
import { readConfig } from '../../src/gateway/config/load-settings.js'
import { Gateway } from '../../src/gateway/control/gateway.js'
import type { ProbeStatus } from '../../src/gateway/probe/probe-status.js'
import { CompilerHandle } from '../../src/gateway/compiler/compiler-handle.js'
import { startThread, threadOf, type StartThread } from '../../src/base/threads/thread.js'
import { compile } from '../../src/policy/compile/compile.js'
import { allocateCounters, ruleCounterLayout } from '../../src/resolver/context/lookup-counters.js'
import { chooseTransport } from '../../src/wire/sockets/transport.js'
import { encodeQuery } from '../daemon/dns-client.js'
import { MemoryLog, settingsText } from '../daemon/serve.js'
import { Site } from '../daemon/site.js'
import { everyName, questionIn } from '../probe/gateway.js'
import { rulesOf } from '../register/rules.js'
import { makeCertificate } from '../tls/certificates.js'
import type { FaultMessage } from './faulty-worker.js'
import { eventually } from './processes.js'

const EVERY = Number(process.env.PROBE_EVERY ?? 3)
const WORKERS = 2
t.setTimeout(600_000)

const day = (later: number): string =>
  new Date(Date.now() + later * 86_400_000).toISOString().slice(0, 10)
const exception = (prefix: string): string =>
  `exceptions: [{ names: [clip.example], prefixes: [${prefix}], purpose: P, approved-by: B, from: ${day(-1)}, until: ${day(30)} }]`
const bans = (...names: readonly string[]): string =>
  `bans: [${names.map(name => `{ names: [${name}], authority: A, reference: R }`).join(', ')}]`

interface Rules {
  readonly phones?: string
  readonly excepted?: string
  readonly guests?: readonly string[]
}
const rulesText = ({
  phones = bans('clip.example', 'use-application-dns.net'),
  excepted = '10.1.7.0/24',
  guests = ['other.example']
}: Rules = {}): string => `networks:
  phones: { prefixes: [10.1.0.0/16], ${phones}, ${exception(excepted)} }
  guests: { prefixes: [10.2.0.0/16, 127.0.0.0/8], ${bans(...guests)} }
`

/** A gateway whose workers and recorder take faults. */
class FaultyGateway {
  readonly log = new MemoryLog()
  readonly site: Site
  readonly gateway: Gateway
  private readonly threads: { readonly file: string; readonly worker: Worker }[] = []

  private constructor(t: Test, upstream: number) {
    const { certificate, key } = makeCertificate({ names: ['dns.example'] })
    this.site = new Site(t, {
      'cert.pem': certificate,
      'key.pem': key,
      'rules/networks.yaml': rulesText()
    })
    const encrypted = (protocol: string): string =>
      `{ address: 127.0.0.1:0, protocol: ${protocol}, certificate: cert.pem, key: key.pem }`
    const text = settingsText({
      workers: WORKERS,
      listen: ['127.0.0.1:0', encrypted('dot'), encrypted('doh')],
      upstream: { address: '127.0.0.1', port: upstream },
      more: `probe: { enabled: true, every: ${EVERY}s, control: [control.org] }`
    })
    const read = readConfig(text, this.site.path('interdict.yaml'))
    if (!read.ok) throw new Error(read.errors.map(({ message }) => message).join('\n'))
    const start: StartThread = (file, data, handlers) => {
      const faulty = FAULTY[file]
      if (faulty === undefined) return startThread(file, data, handlers)
      const worker = new Worker(new URL(faulty, import.meta.url), {
        workerData: data,
        execArgv: []
      })
      this.threads.push({ file, worker })
      return threadOf(worker, handlers)
    }
    this.gateway = new Gateway({
      config: read.config,
      transport: chooseTransport(read.config.transport).transport,
      log: this.log,
      startThread: start,
      services: GATEWAY_SERVICES,
      compiler: new CompilerHandle(start)
    })
    t.teardown(() => this.gateway.abort())
  }

  static async start(t: Test): Promise<FaultyGateway> {
    const upstream = createSocket('udp4')
    upstream.on('message', (query, { port, address }) => {
      const message = everyName(questionIn(query))
      upstream.send(Uint8Array.of(query[0]!, query[1]!, ...message.subarray(2)), port, address)
    })
    upstream.bind(0, '127.0.0.1')
    await once(upstream, 'listening')
    t.teardown(() => upstream.close())
    const gateway = new FaultyGateway(t, upstream.address().port)
    const errors = await gateway.gateway.start()
    if (errors.length > 0) throw new Error(errors.map(({ message }) => message).join('\n'))
    return gateway
  }

  async probe(): Promise<ProbeStatus> {
    return (await this.gateway.status()).probe!
  }

  /** Waits for a round that is good from its start to its end. */
  async goodRound(): Promise<void> {
    const { rounds } = await this.probe()
    await eventually('a good round', GIVE_UP, async () => {
      const { last, lastGood, failing, ...now } = await this.probe()
      return now.rounds > rounds + 1 && failing === 0 && last!.at === lastGood
    })
  }

  fault(fault: string): void {
    for (const { worker } of this.threads)
      worker.postMessage({ kind: 'fault', fault } satisfies FaultMessage)
  }

  /** Gives workers other rules than the gateway has. @param generation by default that of the gateway */
  async adopt(
    rules: string,
    generation = this.gateway.rules.generation,
    workers = WORKERS
  ): Promise<void> {
    const snapshot = compile(await rulesOf(rules), { generation, random: () => 7 })
    const { size } = ruleCounterLayout(snapshot)
    const message = { kind: 'adopt', snapshot, counters: allocateCounters(WORKERS * size) }
    const all = this.threads.filter(({ file }) => file === 'worker-main.js')
    for (const { worker } of all.slice(0, workers)) worker.postMessage(message)
  }

  /** Another generation of the rules, which all workers take. */
  async change(rules: string): Promise<void> {
    const { generation } = this.gateway.rules
    this.site.write('rules/networks.yaml', rules)
    await this.gateway.reload('request')
    await eventually('other rules', 30, () =>
      Promise.resolve(this.gateway.rules.generation > generation)
    )
  }

  /** Asks for a name, as a client in `guests`, until all workers have it on their shelves. */
  async makePopular(name: string): Promise<void> {
    const { port } = this.gateway.endpoints[0]!
    for (let i = 0; i < 64; i++) {
      const socket = createSocket('udp4')
      socket.send(encodeQuery(name), port, '127.0.0.1')
      await Promise.race([once(socket, 'message'), new Promise(done => setTimeout(done, 1000))])
      socket.close()
    }
  }
}

const FAULTY: Readonly<Record<string, string>> = {
  'worker-main.js': './faulty-worker.js',
  'recorder-main.js': './faulty-recorder.js'
}

/** How each fault begins, and what the failure says. */
const FAULTS: Record<
  string,
  { readonly begin?: (it: FaultyGateway) => Promise<void>; readonly says: RegExp }
> = {
  'rule lost': {
    begin: it => it.adopt(rulesText({ phones: bans('use-application-dns.net') })),
    says: /clip.*expected 15/
  },
  'stale snapshot in one worker': {
    begin: it => it.adopt(rulesText(), 0, 1),
    says: /worker \d answers by generation 0 of the rules/
  },
  'cache past a ban': { says: /extended error none, expected 15/ },
  'one transport unfiltered': { says: /tcp 127/ },
  'DoH path open': { says: /doh https/ },
  'exception too wide': {
    begin: it => it.adopt(rulesText({ excepted: '10.1.0.0/17' })),
    says: /ban phones.*clip/
  },
  'clock wrong': { says: /clock of worker \d is -3[56]\d\d s off/ },
  'wrong network': { says: /phones.*clip/ },
  'EDE missing': { says: /extended error 0, expected 15/ },
  'list emptied': {
    begin: it => it.adopt(rulesText({ guests: ['nothing.example'] })),
    says: /guests.*other\.example/
  },
  'shelf not cleared': {
    begin: async it => {
      await it.makePopular('late.example')
      it.fault('shelf not cleared')
      await it.change(rulesText({ guests: ['other.example', 'late.example'] }))
    },
    says: /guests.*late\.example/
  },
  'upstream in our place': { says: /SOA of another server/ },
  'nothing answers': { says: /no answer/ },
  'log not written': { says: /no probe since .* is in/ }
}

/** So many gateways take the faults in turn, at the same time. */
const GATEWAYS = 4
const GIVE_UP = 30 + 12 * EVERY

t.test('each fault is found within the interval, and is over when repaired', async t => {
  const table: string[] = []
  const entries = Object.entries(FAULTS)
  const run = async (first: number): Promise<void> => {
    const it = await FaultyGateway.start(t)
    for (let i = first; i < entries.length; i += GATEWAYS) {
      const [fault, { begin, says }] = entries[i]!
      await it.goodRound()
      const began = performance.now()
      if (begin === undefined) it.fault(fault)
      else await begin(it)
      await eventually(fault, GIVE_UP, async () => {
        const { failures } = await it.probe()
        return failures.some(one => says.test(Object.values(one).join(' ')))
      })
      table.push(`${fault}: ${((performance.now() - began) / 1000).toFixed(1)} s`)
      it.fault('')
      await it.change(`${rulesText()}# ${fault}\n`)
      await it.goodRound()
    }
    t.ok(it.log.with('probe failed').length > 0)
    t.ok(it.log.with('probes are good again').length > 0)
  }
  await Promise.all(Array.from({ length: GATEWAYS }, (_, first) => run(first)))
  t.equal(table.length, entries.length)
  for (const line of table.sort()) t.comment(line)
})
