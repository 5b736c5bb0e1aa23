import { setTimeout as sleep } from 'node:timers/promises'
import type { Milliseconds } from '../../src/base/units.js'
import { transports } from '../server/transports.js'
import { abandon, WAYS } from './abandon.js'
import { Dice } from './dice.js'
import { Client, PROBE } from './flood.js'
import { Curve } from './memory.js'
import { MutatingUpstream } from './mutating-upstream.js'
import type { Options } from './options.js'
import type { Say } from './run-inside.js'
import { readSeeds } from './seeds.js'
import { Served, type Kind } from './served.js'

/** Connections open at once, from so many addresses: fewer than one client, and all, may have. */
const AT_ONCE = 200
const ADDRESSES = 20
/** Connections after which memory and descriptors are as they are to be again. */
const WARM_SHARE = 0.1
const ALLOWED = 16 * 2 ** 20
/** Sockets towards upstreams come and go meanwhile: 32 over UDP, 4 over TCP for each of two. */
const SPARE_DESCRIPTORS = 40
const SETTLED: Milliseconds = 30_000

/** Connections opened and abandoned in all ways. @returns what is wrong */
export async function runTcp(options: Options, say: Say): Promise<string[]> {
  const wrong: string[] = []
  for (const { kind } of transports()) {
    const faults = await storm(kind, options, say)
    wrong.push(...faults.map(fault => `${kind}: ${fault}`))
  }
  return wrong
}

async function storm(kind: Kind, { seed, connections }: Options, say: Say): Promise<string[]> {
  const dice = new Dice(seed)
  const seeds = readSeeds()
  const upstream = await MutatingUpstream.open(seeds.responses, dice)
  const served = await Served.start(kind, [upstream.endpoint])
  const client = await Client.open('127.0.0.1', served.port)
  const before = served.descriptors
  const curve = new Curve()
  const faults: string[] = []
  const started = performance.now()
  let opened = 0

  const one = async (): Promise<void> => {
    while (opened < connections && served.isAlive) {
      const way = Object.keys(WAYS)[opened % Object.keys(WAYS).length]!
      const from = `127.0.1.${1 + (opened % ADDRESSES)}`
      if (opened++ % Math.ceil(connections / 20) === 0) curve.add(opened, served.memory)
      const fault = await abandon(way, from, served.port, seeds, dice)
      if (fault !== undefined) faults.push(`${way}: ${fault}`)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, one))
  const took = ((performance.now() - started) / 1000).toFixed(0)

  const probe = await client.ask(PROBE)
  await settled(served)
  const [left, after] = served.isAlive ? [served.connections, served.descriptors] : [0, 0]
  if (served.isAlive) curve.add(opened, served.memory)
  say(
    `tcp, ${kind}: ${opened} connections in ${took} s, ${Object.keys(WAYS).length} ways; ` +
      `${left} still open; descriptors ${before} before, ${after} after; then a probe took ${probe?.toFixed(3) ?? '?'} ms\n\n` +
      curve.show('connections')
  )
  const growth = curve.growthAfter(connections * WARM_SHARE)
  if (growth > ALLOWED) faults.push(`memory grew by ${(growth / 2 ** 20).toFixed(1)} MB`)
  if (left > 0) faults.push(`${left} connections are still open`)
  if (probe === undefined) faults.push('no answer afterwards')
  if (after > before + SPARE_DESCRIPTORS)
    faults.push(`${after} descriptors are open, not ${before}`)
  client.close()
  upstream.close()
  return [...faults.slice(0, 20), ...client.faults, ...(await served.stop())]
}

/** Waits until the gateway has closed what was abandoned. */
async function settled(served: Served): Promise<void> {
  for (let waited = 0; waited < SETTLED && served.isAlive; waited += 100) {
    if (served.connections === 0) return
    await sleep(100)
  }
}
