import t, { type Test } from 'tap'
import { BadUpstream, good } from '../upstream/bad-upstream.js'
import { askTcp, askUdp } from './dns-client.js'
import { Relay } from './relay.js'
import { kinds, serving } from './serve.js'
import { eventually } from './site.js'

const NAMES = Array.from({ length: 20 }, (_, i) => `n${i}.example`)
const GARBAGE = new Uint8Array(700).fill(0xff)

/** A path to an upstream, with a way to break and repair it. */
interface Way {
  readonly relay: Relay
  begin(): void
  end(): void
}

async function lossy(t: Test, upstream: BadUpstream): Promise<Way> {
  const relay = await Relay.open(t, upstream.endpoint)
  return {
    relay,
    begin: () => (relay.target = undefined),
    end: () => (relay.target = upstream.endpoint)
  }
}

async function garbled(t: Test, upstream: BadUpstream): Promise<Way> {
  const relay = await Relay.open(t, upstream.endpoint)
  return {
    relay,
    begin: () => (upstream.behaviour = ({ send }) => send(GARBAGE)),
    end: () => (upstream.behaviour = good(2))
  }
}

for (const transport of kinds) {
  for (const { it, open } of [
    { it: 'all packets are lost', open: lossy },
    { it: 'all answers are garbage', open: garbled }
  ]) {
    t.test(`${transport}: ${it} for a while: each client gets an error, and bans work`, async t => {
      const upstream = await BadUpstream.open(good(1))
      t.teardown(() => upstream.close())
      const way = await open(t, upstream)
      const { at } = await serving(t, {
        transport,
        upstream: way.relay.endpoint,
        upstreams: 'timeout: 200ms, give-up: 500ms',
        cache: 'failure-ttl: 1s'
      })
      t.match(await askUdp(at, 'held.example'), { answers: [/192\.0\.2\.1$/] })

      way.begin()
      const told = await Promise.all([
        ...NAMES.map(name => askUdp(at, name)),
        ...NAMES.map(name => askTcp(at, `tcp.${name}`))
      ])
      for (const reply of told) t.match(reply, { rcode: 'SERVFAIL', answers: [], ede: 22 })
      t.match(await askUdp(at, 'banned.example'), { rcode: 'NXDOMAIN', ede: 15 })
      t.match(await askUdp(at, 'held.example'), { answers: [/192\.0\.2\.1$/] }, 'what is held')

      way.end()
      for (const name of NAMES) {
        await eventually(`${name} is answered again`, async () => {
          return (await askUdp(at, name)).answers.length === 1
        })
      }
    })
  }
}
