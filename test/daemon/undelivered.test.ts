import t, { type Test } from 'tap'
import type { Endpoint } from '../../src/wire/sockets/datagram.js'
import { IS_FUZZING } from '../runs.js'
import { BadUpstream, good, silent } from '../upstream/bad-upstream.js'
import { askTcp, askUdp } from './dns-client.js'
import { kinds, serving } from './serve.js'

/** The maximum: an answer that comes at all did not wait for the timeout. */
const PATIENT = 'timeout: 4s, give-up: 4900ms'
/**
 * For queries that every upstream refuses: they are retried after the timeout, which is longer than ICMP takes on a busy
 * machine.
 */
const SHORT = 'timeout: 2s, give-up: 4s'
/** For those who are not missed. */
const HASTY = { patience: 1000 }
const ROUNDS = IS_FUZZING ? 8 : 2
const skip = !kinds.includes('batch') && 'what ICMP says is not heard here'

/** Where nobody listens. */
async function closed(): Promise<Endpoint> {
  const upstream = await BadUpstream.open(silent)
  await upstream.close()
  return upstream.endpoint
}

async function alive(t: Test): Promise<BadUpstream> {
  const upstream = await BadUpstream.open(good(8))
  t.teardown(() => upstream.close())
  return upstream
}

const server = ({ address, port }: Endpoint): string => `'${address}:${port}'`

t.test('an upstream whose port is closed: SERVFAIL with EDE 23', { skip }, async t => {
  const { at } = await serving(t, { upstream: await closed(), upstreams: SHORT })
  for (const ask of [askUdp, askTcp]) {
    t.match(await ask(at, 'www.example'), { rcode: 'SERVFAIL', answers: [], ede: 23 })
    t.match(await ask(at, 'banned.example'), { rcode: 'NXDOMAIN', ede: 15 })
  }
})

t.test('another upstream is used when one has its port closed', { skip }, async t => {
  const servers = [await closed(), (await alive(t)).endpoint].map(server).join(', ')
  const { at } = await serving(t, { upstreams: `forward: { .: [${servers}] }, ${PATIENT}` })
  for (let i = 0; i < 40; i++) {
    t.match(await askUdp(at, `n${i}.example`), { rcode: 'NOERROR', answers: [/192\.0\.2\.8/] })
  }
})

t.test('with portable sockets it takes a timeout: EDE 22', async t => {
  const { at } = await serving(t, {
    transport: 'portable',
    upstream: await closed(),
    upstreams: 'timeout: 50ms, give-up: 100ms'
  })
  t.match(await askUdp(at, 'www.example'), { rcode: 'SERVFAIL', ede: 22 })
})

t.test('workers exit and restart while ICMP errors arrive', { skip }, async t => {
  const { at, threads, log } = await serving(t, {
    upstream: await closed(),
    upstreams: SHORT,
    workers: 2
  })
  for (let round = 1; round <= ROUNDS; round++) {
    // These are for no one: some are refused while the worker ends.
    for (let i = 0; i < 100; i++)
      void askUdp(at, `r${round}-${i}.example`, HASTY).catch(() => undefined)
    await threads.kill('worker')
    await log.says('worker restarted', round)
    t.match(await askUdp(at, `r${round}.example`), { rcode: 'SERVFAIL', ede: 23 })
  }
})
