import t from 'tap'
import { addressWords } from '../../src/base/values/address.js'
import { compile } from '../../src/policy/compile/compile.js'
import type { Snapshot } from '../../src/policy/tables/snapshot.js'
import type { Target } from '../../src/gateway/probe/probe-exchange.js'
import { planOf } from '../../src/gateway/probe/probe-plan.js'
import { runPlan, type ProbeResult } from '../../src/gateway/probe/run-plan.js'
import type { RuleSet } from '../../src/policy/rules/model/types.js'
import { rulesOf } from '../register/rules.js'
import { IS_FUZZING } from '../runs.js'
import { everyName, MemoryGateway, questionIn } from './gateway.js'

/** Seconds between two rounds: what is wrong is found with the next round. */
const EVERY = 60
const START = '2026-06-01T12:00:00Z'
const NOW = Date.parse(START) / 1000

const ban = (names: readonly string[], more: object = {}) => {
  return { names, authority: 'A', reference: 'R', ...more }
}
const exception = {
  names: ['clip.example'],
  purpose: 'press',
  'approved-by': 'B',
  from: '2026-01-01',
  until: '2026-12-01'
}
const NETWORKS = {
  networks: {
    phones: {
      prefixes: ['10.1.0.0/16'],
      bans: [
        ban(['clip.example', 'media.clip.example', 'api.clip.example']),
        ban(['use-application-dns.net', 'mask.icloud.com']),
        ban(['sink.example'], {
          action: 'sinkhole',
          sinkhole: { ipv4: '192.0.2.80' },
          ede: 'censored'
        }),
        ban(['null.example'], { action: 'null-address' }),
        ban(['garden.example'], { action: 'cname', target: 'walled.test' }),
        ban(['refused.example'], { action: 'refused' }),
        ban(['nodata.example'], { action: 'nodata' }),
        ban(['drop.example'], { action: 'drop' }),
        ban(['tcp.example'], { action: 'truncate' }),
        ban(['*.below.example']),
        ban(['later.example'], { from: '2026-06-02' }),
        ban(['watched.example'], { mode: 'monitor' })
      ],
      exceptions: [{ ...exception, prefixes: ['10.1.7.0/28'] }]
    },
    guests: { prefixes: ['10.2.0.0/16'], bans: [ban(['other.example'])] }
  }
}
type Networks = typeof NETWORKS

const rules: RuleSet = await rulesOf(JSON.stringify(NETWORKS))
const snapshot: Snapshot = compile(rules, { generation: 1, random: () => 7 })
const target = (transport: Target['transport']): Target => {
  return { transport, server: { address: '192.0.2.53', port: 53 } }
}
const TARGETS = (['udp', 'tcp', 'dot', 'doh'] as const).map(target)

type Ask = (
  target: Target,
  query: Uint8Array,
  client: Uint32Array
) => Promise<Uint8Array | undefined>

function round(
  ask: Ask,
  number = 0,
  now = NOW,
  hardCoded: readonly Target[] = []
): Promise<ProbeResult> {
  const plan = planOf(rules, snapshot, {
    namesPerBan: 2,
    control: ['control.test'],
    round: number,
    now
  })
  return runPlan(plan, {
    ...{ targets: TARGETS, hardCoded, isOwn: true, timeout: 1000, parallel: 4 },
    ask: (target, query, { client }) => ask(target, query, addressWords(client.address))
  })
}

const changed = (change: (networks: Networks) => void): Networks => {
  const networks = structuredClone(NETWORKS)
  change(networks)
  return networks
}
const open = (networks: object = NETWORKS, start = START) => MemoryGateway.open(networks, start)
const asking =
  (gateway: MemoryGateway): Ask =>
  ({ transport }, query, client) =>
    gateway.ask(query, client, transport === 'udp')

const right = await open()
const bare = await open(
  changed(({ networks }) => {
    networks.phones.bans = []
    networks.phones.exceptions = []
    networks.guests.bans = []
  })
)

/** The answer of the right gateway, altered. */
const altered = (alter: (message: Uint8Array) => void): Ask => {
  return async (target, query, client) => {
    const message = await asking(right)(target, query, client)
    if (message !== undefined) alter(message)
    return message
  }
}

/** Each fault, and what the failures have to name. */
const FAULTS: Record<string, { readonly ask: () => Promise<Ask>; readonly finds: RegExp }> = {
  'a rule is lost': {
    ask: async () =>
      asking(await open(changed(({ networks }) => void networks.phones.bans.shift()))),
    finds: /clip\.example.*expected|clip\.example.*extended error/
  },
  'one worker has a stale snapshot': {
    ask: () => {
      let turn = 0
      return Promise.resolve((...of) => asking(turn++ % 4 === 0 ? bare : right)(...of))
    },
    finds: /extended error none/
  },
  'the cache answers past a ban': {
    ask: () =>
      Promise.resolve(async (target, query, client) => {
        const isClip = Buffer.from(query).includes('media')
        return isClip
          ? withId(query, everyName(questionIn(query)))
          : asking(right)(target, query, client)
      }),
    finds: /media\.clip\.example/
  },
  'one transport is unfiltered': {
    ask: () =>
      Promise.resolve((target, ...of) =>
        asking(target.transport === 'tcp' ? bare : right)(target, ...of)
      ),
    finds: /tcp 192\.0\.2\.53/
  },
  'the DoH path is open': {
    ask: () =>
      Promise.resolve((target, ...of) =>
        asking(target.transport === 'doh' ? bare : right)(target, ...of)
      ),
    finds: /doh /
  },
  'an exception is too wide': {
    ask: async () =>
      asking(
        await open(
          changed(({ networks }) => {
            networks.phones.exceptions[0]!.prefixes = ['10.1.0.0/17', '10.1.128.0/18']
          })
        )
      ),
    finds: /ban.*clip\.example/
  },
  'an exception is closed': {
    ask: async () =>
      asking(await open(changed(({ networks }) => void (networks.phones.exceptions = [])))),
    finds: /exception.*clip\.example.*it is blocked/
  },
  'the clock is wrong': {
    ask: async () => asking(await open(NETWORKS, '2026-12-05T00:00:00Z')),
    finds: /exception.*it is blocked|later\.example/
  },
  'a prefix is in the wrong network': {
    ask: async () =>
      asking(
        await open(
          changed(({ networks }) => {
            networks.guests.prefixes.push('10.1.0.0/16')
            networks.phones.prefixes = ['10.3.0.0/16']
            networks.phones.exceptions = []
          })
        )
      ),
    finds: /phones.*clip\.example/
  },
  'the extended error is missing': {
    ask: () => Promise.resolve(altered(message => void (message[11] = 0))),
    finds: /extended error none, expected 15/
  },
  'a list is emptied': {
    ask: async () =>
      asking(await open(changed(({ networks }) => void (networks.guests.bans = [])))),
    finds: /guests.*other\.example/
  },
  'the shelf was not cleared': {
    ask: async () => {
      // Answers from before the ban, for ever.
      const before = new Map<string, Uint8Array>()
      return async (target, query, client) => {
        const key = Buffer.from(questionIn(query)).toString('latin1')
        const old = before.get(key) ?? (await asking(bare)(target, query, client))
        if (old !== undefined) before.set(key, old)
        return key.includes('api')
          ? old && withId(query, old)
          : asking(right)(target, query, client)
      }
    },
    finds: /api\.clip\.example/
  },
  'an upstream answers in our place': {
    ask: () =>
      Promise.resolve(
        altered(message => {
          const at = Buffer.from(message).indexOf('interdict')
          if (at > 0) message.set(Buffer.from('elsewhere'), at)
        })
      ),
    finds: /SOA of another server/
  },
  'the TTL is wrong': {
    ask: () =>
      Promise.resolve(
        altered(message => {
          const at = Buffer.from(message).indexOf('interdict')
          if (at > 0) message[at - 4] = 7
        })
      ),
    finds: /SOA with TTL/
  },
  'a way around is open': {
    ask: async () =>
      asking(await open(changed(({ networks }) => void networks.phones.bans.splice(1, 1)))),
    finds: /around.*use-application-dns\.net/
  },
  'nothing answers': {
    ask: () => Promise.resolve(() => Promise.resolve(undefined)),
    finds: /no answer/
  },
  'answers are garbage': {
    ask: () => Promise.resolve(() => Promise.resolve(Uint8Array.of(1, 2, 3))),
    finds: /cannot be read/
  },
  'nothing resolves': {
    ask: () =>
      Promise.resolve(async (target, query, client) => {
        const isControl = Buffer.from(query).includes('control')
        const message = await asking(right)(target, query, client)
        if (isControl && message) message[7] = 0
        return message
      }),
    finds: /control.*does not resolve|control.*cannot be read/
  }
}

function withId(query: Uint8Array, message: Uint8Array): Uint8Array {
  return Uint8Array.of(query[0]!, query[1]!, ...message.subarray(2))
}

t.test('what is right is right, over every transport', async t => {
  const { asked, failures } = await round(asking(right))
  t.strictSame(failures, [])
  t.ok(asked > 200, `${asked} questions`)
})

for (const [fault, { ask, finds }] of Object.entries(FAULTS)) {
  t.test(`${fault}: found within ${EVERY} s`, async t => {
    const faulty = await ask()
    // Names take turns: three of them, two in a round.
    const first = await round(faulty)
    const found = first.failures.length > 0 ? first : await round(faulty, 1)
    const lines = found.failures.map(it => Object.values(it).join(' '))
    t.ok(
      lines.some(line => finds.test(line)),
      lines.slice(0, 3).join('\n')
    )
  })
}

t.test('a day without a fault is a day without an alarm', async t => {
  const gateway = await open()
  const rounds = IS_FUZZING ? 1440 : 24
  const seconds = 86_400 / rounds
  const udp = [target('udp')]
  let asked = 0
  for (let i = 0; i < rounds; i++) {
    const now = NOW + i * seconds
    const plan = planOf(rules, snapshot, {
      namesPerBan: 1,
      control: ['control.test'],
      round: i,
      now
    })
    const result = await runPlan(plan, {
      ...{ targets: udp, hardCoded: [], isOwn: true, timeout: 1000, parallel: 1 },
      ask: (_, query, { client }) => gateway.ask(query, addressWords(client.address), true)
    })
    t.strictSame(result.failures, [], `round ${i}`)
    asked += result.asked
    gateway.pass(seconds)
  }
  t.ok(asked > 20 * rounds)
})

t.test('a resolver that apps have built in must not resolve what is banned', async t => {
  const elsewhere = { transport: 'udp', server: { address: '192.0.2.99', port: 53 } } as const
  const askBoth =
    (other: (query: Uint8Array) => Uint8Array | undefined): Ask =>
    (target, query, client) =>
      target === elsewhere ? Promise.resolve(other(query)) : asking(right)(target, query, client)
  const openOne = await round(
    askBoth(query => withId(query, everyName(questionIn(query)))),
    0,
    NOW,
    [elsewhere]
  )
  t.ok(openOne.failures.length > 0)
  t.match(openOne.failures[0], {
    kind: 'hard-coded',
    problem: 'it resolves',
    server: 'udp 192.0.2.99'
  })
  t.strictSame(
    (
      await round(
        askBoth(() => undefined),
        0,
        NOW,
        [elsewhere]
      )
    ).failures,
    []
  )
})

t.test('rules that do not block their own ban are an alarm', async t => {
  const plan = planOf(
    rules,
    compile(await rulesOf('networks: { phones: { prefixes: [10.1.0.0/16] } }'), {
      generation: 1,
      random: () => 7
    }),
    {
      ...{ namesPerBan: 1, control: [], round: 0, now: NOW }
    }
  )
  t.match(plan.lost[0], { network: 'phones', name: 'clip.example' })
  const { failures } = await runPlan(
    { ...plan, probes: [] },
    {
      ...{ targets: [], hardCoded: [], isOwn: true, timeout: 1, parallel: 1 },
      ask: () => Promise.resolve(undefined)
    }
  )
  t.match(failures[0], { kind: 'rule', problem: /do not block/ })
})
