import t from 'tap'
import {
  ANSWER_LIFE,
  AnsweredAddresses,
  LEAST_KNOWN
} from '../../../src/policy/egress/answered-addresses.js'
import {
  ConnectionJudge,
  type ClientConnection,
  type EgressTarget
} from '../../../src/policy/egress/connection-judge.js'

const START = 1_796_000_000
/** By then it is known which answers there were. */
const LATER = START + LEAST_KNOWN
const VIDEO = '203.0.113.9'
const RESOLVER = '198.51.100.53'
const OTHER = '198.51.100.80'

const targets: Record<string, EgressTarget> = {
  [VIDEO]: { apps: ['tiktok'], names: ['api.tiktok.com'], ports: 'all' },
  [RESOLVER]: { apps: ['encrypted-dns'], names: ['dns.example.com'], ports: 'dns' }
}

function rig(limit?: number) {
  const answered = new AnsweredAddresses(START, limit)
  const judge = new ConnectionJudge({
    answered,
    target: ({ destination }) => targets[destination],
    isLocal: address => address.startsWith('10.')
  })
  const to = (
    destination: string,
    port: number,
    now: number,
    protocol: ClientConnection['protocol'] = 'tcp'
  ) =>
    judge.judge({ network: 'school', client: '10.20.3.4', destination, port, protocol }, now)?.kind
  return { answered, judge, to }
}

t.test('finds connections to addresses of banned names alone, from the start', async t => {
  const { answered, to } = rig()
  t.equal(to(VIDEO, 443, START), 'banned')
  t.equal(to(VIDEO, 443, START), 'banned', 'as often as it happens')
  answered.add('school', VIDEO, START)
  t.equal(to(VIDEO, 443, START), undefined, 'not where an answer led')
  t.equal(to('10.0.0.9', 443, LATER), undefined, 'not within the site')
})

t.test('finds connections to other resolvers', async t => {
  const { answered, to } = rig()
  t.equal(to(OTHER, 53, START, 'udp'), 'resolver')
  t.equal(to(OTHER, 853, START), 'resolver')
  t.equal(to(RESOLVER, 443, START), 'resolver')
  answered.add('school', RESOLVER, START)
  t.equal(to(RESOLVER, 443, START), undefined, 'its name is not banned here')
  t.equal(to(RESOLVER, 53, START), 'resolver', 'whatever led there')
})

t.test('finds connections that no answer led to, once that is known', async t => {
  const { answered, judge, to } = rig()
  t.equal(to(OTHER, 443, START), undefined)
  t.equal(judge.counts.unknown, 1)
  t.equal(to(OTHER, 443, LATER), undefined, 'what was in use before is not a finding')
  t.equal(to('198.51.100.81', 443, LATER), 'unresolved')
  answered.add('office', '198.51.100.82', LATER)
  t.equal(to('198.51.100.82', 443, LATER), 'unresolved', 'an answer in another network')
  answered.miss(LATER)
  t.equal(to('198.51.100.83', 443, LATER + 1), undefined, 'answers were missed')
  t.equal(to('198.51.100.84', 443, LATER + LEAST_KNOWN), 'unresolved')
})

t.test('an answer leads for a day after its last use', async t => {
  const { answered, to } = rig()
  answered.add('school', OTHER, START)
  for (let days = 1; days < 4; days++)
    t.equal(to(OTHER, 443, START + days * (ANSWER_LIFE - 1)), undefined)
  t.equal(to(OTHER, 443, START + 5 * ANSWER_LIFE), 'unresolved')
})

t.test('leaves out time servers and ports of peers', async t => {
  const { judge, to } = rig()
  t.equal(to(OTHER, 123, LATER, 'udp'), undefined)
  t.equal(to(OTHER, 50_000, LATER, 'udp'), undefined)
  t.equal(judge.counts.peer, 1)
  t.equal(to(OTHER, 51_820, LATER, 'udp'), 'unresolved', 'a tunnel')
  t.equal(to(OTHER, 443, LATER, 'udp'), 'unresolved', 'QUIC')
})

t.test('says that it does not know what it had no room for', async t => {
  const { answered, to } = rig(100)
  for (let i = 0; i < 101; i++) answered.add('school', `192.0.2.${i}`, LATER)
  t.equal(answered.size, 100)
  t.equal(to('192.0.2.0', 443, LATER + 1), undefined)
  t.equal(to('192.0.2.0', 443, LATER + 10), undefined)
  answered.expire(LATER + 2 * ANSWER_LIFE)
  t.equal(answered.size, 0)
})
