import t, { type Test } from 'tap'
import { ConnectionObserver } from '../../../src/gateway/egress/connection-observer.js'
import type { EgressFinding } from '../../../src/lookups/egress/egress-finding.js'
import { compile } from '../../../src/policy/compile/compile.js'
import { AnsweredAddresses } from '../../../src/policy/egress/answered-addresses.js'
import { loadGood } from '../../rules/folder.js'

const START = Date.parse('2026-11-12T08:00:00Z')
const SECOND = 1000
const MINUTE = 60 * SECOND
const CLIENTS = 50
const GATEWAY = '10.20.0.1'
const VIDEO = '203.0.113.9'
const TIKTOK = { apps: ['tiktok'], names: ['api.tiktok.com'], ports: 'all' } as const

const NETWORKS = [
  'networks:',
  '  school: { prefixes: [10.20.0.0/16, "fd00:20::/64"], egress: observe }',
  '  servers: { prefixes: [192.0.2.0/24] }'
].join('\n')

/** A gateway that observes, on a clock that only the test moves. */
async function site(t: Test, networks = NETWORKS) {
  const rules = await loadGood(t, { 'networks.yaml': networks })
  const { clients } = compile(rules, { generation: 1, random: () => 1 })
  let now = START
  const clock = { now: () => now - START, wall: () => now }
  const answered = new AnsweredAddresses(START / SECOND)
  const findings: (EgressFinding & { readonly foundAt: number })[] = []
  const lost: number[] = []
  const observer = new ConnectionObserver({
    ...{ clock, answered },
    target: ({ destination }) => (destination === VIDEO ? TIKTOK : undefined),
    clientText: client => client,
    write: line => {
      if (line.event === 'finding') findings.push({ ...line.finding, foundAt: now })
      else if (line.event === 'lost') lost.push(line.count)
    }
  })
  observer.setOwn([GATEWAY])
  observer.setRules(clients)
  let id = 0
  return {
    ...{ observer, findings, lost, time: () => now },
    answer: (address: string): void => answered.add('school', address, now / SECOND),
    connect: (
      client: string,
      destination: string,
      port = 443,
      protocol: 'tcp' | 'udp' = 'tcp'
    ): number => {
      const facts = { client, destination, port, protocol, octets: undefined }
      observer.add({ kind: 'begin', id: ++id, time: now, ...facts })
      return id
    },
    end: (id: number, octets: number): void =>
      observer.add({
        ...{ kind: 'end', id, time: now, protocol: 'tcp', client: '10.20.3.4' },
        ...{ destination: VIDEO, port: 443, octets }
      }),
    /** Time passes, as the thread ticks. */
    pass: (time: number): void => {
      for (const end = now + time; now < end;) {
        now += SECOND
        observer.tick()
      }
    }
  }
}

/** The same numbers each time. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed
  return below => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

t.test('50 ordinary clients for three hours: no finding; a bypassing one: within 10 s', async t => {
  const { findings, lost, observer, answer, connect, pass, time } = await site(t)
  const random = randomNumbers(41)
  const ipv4 = (i: number): string => `198.18.${i >> 8}.${i & 255}`
  const ipv6 = (i: number): string => `2001:4860::${(i + 1).toString(16)}`
  // Names that each client has looked up, one of them before the gateway started.
  const kept = Array.from({ length: CLIENTS }, () => [random(2000)])
  for (let minute = 0; minute < 180; minute++) {
    for (let client = 0; client < CLIENTS; client++) {
      const own = [`10.20.3.${client + 1}`, `fd00:20::${(client + 1).toString(16)}`] as const
      const names = kept[client]!
      // An application goes on with an address that it got at any time, whatever its TTL.
      connect(own[0], ipv4(names[random(names.length)]!))
      // Another name: its connections are seen before its answer is.
      if (random(3) === 0) {
        const name = random(2000)
        names.push(name)
        connect(own[0], ipv4(name))
        connect(own[1], ipv6(name), 443, 'udp')
        answer(ipv4(name))
        answer(ipv6(name))
      }
      connect(own[0], '198.51.100.123', 123, 'udp')
      connect(own[0], GATEWAY, 53, 'udp')
      connect(own[0], '192.168.7.7', 445)
      connect(own[0], '192.0.2.25', 25)
      connect(own[1], 'ff02::fb', 5353, 'udp')
      connect(own[0], '255.255.255.255', 67, 'udp')
      connect(own[0], `198.51.100.${random(250)}`, 20_000 + random(30_000), 'udp')
      // The gateway's own queries, and clients of networks that are not observed.
      connect(GATEWAY, '8.8.8.8', 53, 'udp')
      connect('192.0.2.25', '8.8.8.8', 53, 'udp')
    }
    pass(MINUTE)
  }
  t.same(findings, [])
  t.same(lost, [])
  t.ok(observer.counts.connections > 70_000, 'they were judged')

  const begun = time()
  connect('10.20.3.51', '198.51.100.80')
  connect('10.20.3.51', VIDEO)
  connect('10.20.3.51', '198.51.100.53', 53, 'udp')
  pass(10 * SECOND)
  t.same(
    findings.map(({ kind, client }) => [kind, client]),
    ['unresolved', 'banned', 'resolver'].map(kind => [kind, '10.20.3.51'])
  )
  t.ok(findings.every(({ foundAt }) => foundAt - begun <= 10 * SECOND))
})

t.test('adds octets of connections that end, before or after they are judged', async t => {
  const { connect, end, pass, findings, observer } = await site(t)
  const early = connect('10.20.3.4', VIDEO)
  end(early, 300)
  const late = connect('10.20.3.4', VIDEO)
  pass(5 * SECOND)
  end(late, 1000)
  end(late + 1000, 9)
  pass(MINUTE)
  t.match(findings, [
    { connections: 2, octets: 300, apps: ['tiktok'] },
    { connections: 0, octets: 1000 }
  ])
  t.match(observer.counts, { connections: 2, findings: { banned: 2 }, lost: 0 })
})

t.test('in a network with all addresses, those that are not global are local', async t => {
  const networks = 'networks:\n  school: { prefixes: [0.0.0.0/0], egress: observe }'
  const { connect, pass, findings } = await site(t, networks)
  connect('10.20.3.4', '203.0.113.53', 53, 'udp')
  connect('10.20.3.4', '10.0.0.53', 53, 'udp')
  pass(5 * SECOND)
  t.match(findings, [{ kind: 'resolver', destination: '203.0.113.53' }])
  t.equal(findings.length, 1)
})

t.test('counts what it has no room for, and says so in the findings', async t => {
  const { connect, pass, lost, observer } = await site(t)
  for (let i = 0; i < 50_003; i++) connect('10.20.3.4', '10.0.0.9')
  observer.lose(7)
  pass(SECOND)
  t.same(lost, [10])
  t.equal(observer.counts.lost, 10)
  pass(5 * SECOND)
  connect('10.20.3.4', VIDEO)
  pass(5 * SECOND)
  t.equal(observer.counts.findings.banned, 1, 'there is room again')
})
