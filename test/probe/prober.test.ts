import type { MandatedNames } from '../../src/policy/rules/mandates/mandated-names.js'
import t from 'tap'
import { addressWords } from '../../src/base/values/address.js'
import { encodeUpstreamQuery } from '../../src/wire/dns/message/encode-query.js'
import { encodeQuestion } from '../../src/wire/dns/message/question.js'
import { compile } from '../../src/policy/compile/compile.js'
import type { Answer } from '../../src/gateway/probe/channels.js'
import { Planner } from '../../src/gateway/probe/probe-plan.js'
import type { Question } from '../../src/gateway/probe/judge-answer.js'
import { Prober, type ProberState } from '../../src/gateway/probe/prober.js'
import { rulesOf } from '../register/rules.js'
import { IS_FUZZING } from '../runs.js'
import { FakeTime } from '../upstream/fake-time.js'
import { MemoryGateway } from './gateway.js'

const START = '2026-06-01T12:00:00Z'
const EVERY = 60_000
const WORKERS = 2

const ban = (names: readonly string[], more: object = {}) => {
  return { names, authority: 'A', reference: 'R', ...more }
}
const networksWith = (...bans: readonly object[]) => ({
  networks: { phones: { prefixes: ['10.1.0.0/16'], bans } }
})
const CLIP = ban(['clip.example', 'media.clip.example'])
const ALL = networksWith(
  CLIP,
  ban(['one.example'], { until: '2026-06-01T12:10:00Z' }),
  ban(['two.example'], { from: '2026-06-01T12:10:00Z' }),
  ban(['three.example'], {
    schedule: { days: 'mon-sun', hours: '12:04-12:12' }
  })
)
const NONE = networksWith()
const TARGETS = (['udp', 'tcp'] as const).map(transport => {
  return { transport, server: { address: '127.0.0.1', port: 53 } }
})

async function plannerOf(networks: object, generation: number): Promise<Planner> {
  const rules = await rulesOf(JSON.stringify(networks))
  const snapshot = compile(rules, { generation, random: () => 7 })
  return new Planner(rules, snapshot, { namesPerBan: 2, control: ['control.test'] })
}

/** A prober of workers in memory, each with its own rules, on a clock that tests move on. */
class Rig {
  readonly time = new FakeTime()
  readonly states: ProberState[] = []
  generation = 1
  /** Answers to be changed on the way. */
  alter = (_: Question, answer: Answer | undefined): Answer | undefined => answer
  logProblem: string | undefined
  readonly prober: Prober
  private readonly begun = this.time.clock.now()

  private constructor(public workers: MemoryGateway[]) {
    const clock = { now: () => this.time.clock.now(), wall: () => this.wall }
    this.prober = new Prober({
      clock,
      timers: this.time.timers,
      ask: async question => this.alter(question, await this.ask(question)),
      checkLog: () => Promise.resolve(this.logProblem),
      checkListeners: () => Promise.resolve({ listeners: 0, problems: [] }),
      onChange: state => this.states.push(state)
    })
  }

  static async open(networks: object = ALL): Promise<Rig> {
    const open = () => MemoryGateway.open(networks, START)
    const rig = new Rig(await Promise.all(Array.from({ length: WORKERS }, open)))
    rig.prober.setPlanner(await plannerOf(networks, 1))
    rig.prober.configure({ every: EVERY, targets: TARGETS, workers: WORKERS })
    rig.prober.start()
    return rig
  }

  get wall(): number {
    return Date.parse(START) + this.time.clock.now() - this.begun
  }

  /** A worker with these rules, at the time it is. */
  async worker(networks: object): Promise<MemoryGateway> {
    const gateway = await MemoryGateway.open(networks, START)
    gateway.pass((this.wall - Date.parse(START)) / 1000)
    return gateway
  }

  get state(): ProberState {
    return this.prober.state
  }

  /** Time passes, in steps of the prober. */
  async pass(seconds: number): Promise<void> {
    for (let passed = 0; passed < seconds * 1000; passed += 1000) {
      this.time.advance(1000)
      for (const worker of this.workers) worker.pass(1)
      await new Promise(setImmediate)
    }
  }

  private async ask({ probe, target, worker }: Question): Promise<Answer | undefined> {
    const query = new Uint8Array(512)
    const question = encodeQuestion(probe.name, probe.qtype, 1)
    const length = encodeUpstreamQuery(query, 0, 1, question, false, false)
    const gateway = this.workers[worker]!
    const client = addressWords(probe.client.address)
    const isUdp = target.transport === 'udp'
    const message = await gateway.ask(query.slice(0, length), client, isUdp)
    const time = Math.floor(gateway.world.clock.wall() / 1000)
    const { generation } = this
    return message && { message, origin: { worker, isOpen: false, generation, time } }
  }
}

t.test('a quarter of an hour, or a day, without a fault is without a failure', async t => {
  const rig = await Rig.open()
  await rig.pass(IS_FUZZING ? 86_400 : 900)
  const { rounds, failed, lastGood, last, failures } = rig.state
  t.strictSame([failed, failures], [0, []])
  t.ok(rounds > (IS_FUZZING ? 1900 : 19), `${rounds} rounds`)
  t.ok(last!.asked > 10)
  t.equal(lastGood, last!.at)
  rig.prober.stop()
})

t.test('rules that change are no failure, however workers take them', async t => {
  const rig = await Rig.open()
  await rig.pass(20)
  // One worker has the new rules a moment before the other, and the prober learns of them in between.
  rig.workers = [await rig.worker(NONE), rig.workers[1]!]
  rig.generation = 2
  await rig.pass(1)
  rig.workers = [rig.workers[0]!, await rig.worker(NONE)]
  rig.prober.setPlanner(await plannerOf(NONE, 2))
  await rig.pass(120)
  t.equal(rig.state.failed, 0)
  rig.prober.stop()
})

t.test('upstreams that do not answer are no failure of the probe', async t => {
  const rig = await Rig.open()
  rig.alter = ({ probe }, answer) => {
    if (probe.kind === 'control' && answer !== undefined) {
      answer.message[3] = (answer.message[3]! & 0xf0) | 2
      answer.message[7] = 0
    }
    return answer
  }
  await rig.pass(180)
  t.equal(rig.state.failed, 0)
  rig.prober.stop()
})

const GARDEN = networksWith(ban(['garden.example'], { action: 'cname', target: 'walled.test' }))

for (const fails of ['silent', 'nxdomain'] as const) {
  t.test(`an alias whose target only the upstream breaks (${fails}) is no failure`, async t => {
    const rig = await Rig.open(GARDEN)
    for (const worker of rig.workers) worker.fails = fails
    rig.alter = ({ probe }, answer) => (probe.kind === 'control' ? undefined : answer)
    await rig.pass(180)
    const failures = rig.state.failures.filter(({ kind }) => kind !== 'control')
    t.strictSame(failures, [])
    t.ok(
      rig.workers.some(({ forwarded }) => forwarded > 0),
      'the targets were asked for'
    )
    rig.prober.stop()
  })
}

t.test('an alias that is missing or another one is a failure', async t => {
  const rig = await Rig.open(GARDEN)
  rig.workers = [await rig.worker(NONE), rig.workers[1]!]
  await rig.pass(120)
  t.match(rig.state.failures, [{ name: 'garden.example' }])
  rig.prober.stop()
})

/** What is altered, and what the failure says. */
const FAULTS: Record<string, { readonly break: (rig: Rig) => void; readonly says: RegExp }> = {
  'one worker has a stale snapshot': {
    break: rig => {
      rig.alter = ({ worker }, answer) =>
        worker === 1 && answer !== undefined
          ? { ...answer, origin: { ...answer.origin!, generation: 0 } }
          : answer
    },
    says: /worker 1 answers by generation 0 of the rules, not 1/
  },
  'the clock of a worker is wrong': {
    break: rig => {
      rig.alter = ({ worker }, answer) =>
        worker === 0 && answer !== undefined
          ? { ...answer, origin: { ...answer.origin!, time: 0 } }
          : answer
    },
    says: /the clock of worker 0 is -\d+ s off/
  },
  'a transport does not recognize probes': {
    break: rig => {
      rig.alter = ({ target }, answer) =>
        target.transport === 'tcp' && answer !== undefined
          ? { ...answer, origin: undefined }
          : answer
    },
    says: /does not recognize probes/
  },
  'nothing answers': {
    break: rig => {
      rig.alter = () => undefined
    },
    says: /no answer/
  },
  'a worker lost a ban': {
    break: rig => {
      void rig.worker(NONE).then(worker => (rig.workers = [worker, rig.workers[1]!]))
    },
    says: /extended error none, expected 15/
  },
  'the log is not written': {
    break: rig => {
      rig.logProblem = 'no probe is in queries.jsonl'
    },
    says: /no probe is in/
  }
}

for (const [fault, { break: breakIt, says }] of Object.entries(FAULTS)) {
  t.test(`${fault}: found within the interval, and over when it is repaired`, async t => {
    const rig = await Rig.open()
    await rig.pass(50)
    t.equal(rig.state.failed, 0)
    const { alter, workers } = rig
    breakIt(rig)
    await rig.pass(EVERY / 1000)
    const { failures } = rig.state
    t.ok(
      failures.some(({ problem }) => says.test(problem)),
      failures.map(({ problem }) => problem).join('; ')
    )
    for (const worker of workers) {
      const passed = rig.workers[1]!.world.clock.wall() - worker.world.clock.wall()
      worker.pass(passed / 1000)
    }
    Object.assign(rig, { alter, workers, logProblem: undefined })
    await rig.pass(EVERY / 1000 + 30)
    t.strictSame(rig.state.failures, [])
    await rig.pass(EVERY / 1000)
    t.equal(rig.state.lastGood, rig.state.last!.at)
    rig.prober.stop()
  })
}

t.test('only what is blocked is expected in the log', async t => {
  const rig = await Rig.open(
    networksWith(
      ban(['one.example'], { until: '2026-06-01T12:10:00Z' }),
      ban(['t.example'], { action: 'truncate' })
    )
  )
  let logged = 0
  rig.alter = ({ isLogged, probe }, answer) => {
    if (isLogged) t.equal(probe.nameText, 'one.example')
    if (isLogged) logged++
    return answer
  }
  await rig.pass(EVERY / 1000)
  t.ok(logged > 0)
  await rig.pass(600)
  logged = 0
  rig.logProblem = 'nobody looks'
  await rig.pass(120)
  t.strictSame([logged, rig.state.failures], [0, []])
  rig.prober.stop()
})

t.test('all names have their turn, and all workers', async t => {
  const rig = await Rig.open(networksWith(ban('abcdefg'.split('').map(it => `${it}.example`))))
  const asked = new Set<string>()
  rig.alter = ({ probe, worker, target }, answer) => {
    if (probe.kind === 'ban') asked.add(`${probe.nameText} ${worker} ${target.transport}`)
    return answer
  }
  await rig.pass((8 * EVERY) / 1000)
  t.equal(asked.size, 7 * WORKERS * TARGETS.length)
  rig.prober.stop()
})

t.test('rules that contradict themselves are a failure until they are changed', async t => {
  const rig = await Rig.open()
  const rules = await rulesOf(JSON.stringify(ALL))
  const snapshot = compile(await rulesOf(JSON.stringify(NONE)), { generation: 1, random: () => 7 })
  rig.prober.setPlanner(new Planner(rules, snapshot, { namesPerBan: 1, control: [] }))
  await rig.pass(EVERY / 1000)
  t.match(rig.state.failures[0], { kind: 'rule', network: 'phones', problem: /do not block/ })
  rig.prober.setPlanner(await plannerOf(ALL, 1))
  await rig.pass((2 * EVERY) / 1000)
  t.notOk(rig.state.failures.some(({ kind }) => kind === 'rule'))
  rig.prober.stop()
})

t.test('names that mandates list are asked in each round, where the rules ban them', async t => {
  const rules = await rulesOf(JSON.stringify(ALL))
  const snapshot = compile(rules, { generation: 1, random: () => 7 })
  const order: MandatedNames = {
    ...{
      mandate: 'be',
      file: 'be.yaml',
      apps: [],
      ofApps: [],
      networks: 'all' as const,
      prefixes: []
    },
    ...{ from: -Infinity, until: Infinity },
    names: ['media.clip.example', '*.clip.example', 'open.example']
  }
  const asked = (...mandated: readonly MandatedNames[]): string[] => {
    const planner = new Planner(rules, snapshot, { namesPerBan: 1, control: [], mandated })
    const [others] = planner.subjects.filter(({ ban }) => ban === undefined)
    const { probes } = planner.questions(others!, 0, Date.UTC(2026, 5, 1, 12) / 1000)
    return probes.map(({ nameText, blocked }) => `${nameText} ${blocked?.action ?? 'open'}`)
  }
  const banned = ['media.clip.example nxdomain', 'probe.clip.example nxdomain']
  t.strictSame(asked(order), banned)
  t.strictSame(asked({ ...order, networks: ['phones'] }), banned)
  t.strictSame(asked({ ...order, networks: ['others'] }), [])
  t.strictSame(asked({ ...order, from: Date.UTC(2027, 0) / 1000 }), [])
  t.strictSame(asked({ ...order, networks: [], prefixes: ['0.0.0.0/0', '::/0'] }), banned)
})
