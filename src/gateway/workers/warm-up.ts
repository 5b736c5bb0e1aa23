import { setImmediate as nextIteration } from 'node:timers/promises'
import { getUint16, setUint16, setUint32 } from '../../base/bytes/octets.js'
import { systemClock } from '../../base/time/clock.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import { readPrefix } from '../../base/values/address.js'
import { compilePrefixes } from '../../base/values/prefix-table.js'
import { createRing } from '../../lookups/event/ring.js'
import type { Config } from '../config/config.js'
import { encodeUpstreamQuery } from '../../wire/dns/message/encode-query.js'
import { readName } from '../../wire/dns/name/name.js'
import { RRTYPE } from '../../wire/dns/registry/rrtype.js'
import {
  HEADER_SIZE,
  OPT_FIXED_SIZE,
  QUESTION_FIXED_SIZE,
  UDP_PAYLOAD
} from '../../wire/dns/registry/sizes.js'
import type { DatagramBatch, Endpoint, Transport } from '../../wire/sockets/datagram.js'
import { entriesOf } from '../../policy/tables/entries.js'
import { NameTable } from '../../policy/tables/name-table.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import { DataPlane } from './data-plane.js'
import { SharedCache } from './shared-cache.js'
import type { CountedSnapshot, WorkerInit } from './worker-messages.js'

/** After so many, V8 has compiled nearly all that answers queries: see docs/internals/decisions.md. */
const QUERIES = 16_000
/** A busy machine begins with what is compiled by then. */
const TIME: Milliseconds = 2_000
/** Queries at a time, as many as a batch holds. */
const BURST = 64
/** Iterations of the event loop after which responses are taken as lost. */
const PATIENCE = 1_000
/** Names of rules that are asked for. */
const LISTED = 64
const MAX_QUERY: Octets = 512
const CACHE: Octets = 2 ** 20
const LOOPBACK = [readPrefix('127.0.0.0/8')]
const ANY_PORT: Endpoint = { address: '127.0.0.1', port: 0 }

const silent = { info: ignore, warn: ignore, error: ignore }

/**
 * Answers queries of its own through a second data plane, so that V8 compiles the code of this thread before the
 * first client asks: otherwise the first second of full load answers about half of what the worker can. The second data plane has
 * cache, counters, log and sockets of its own, on loopback, which are closed again.
 *
 * @param signal closes its sockets at once
 * @throws InterdictError SOCKET_BIND
 */
export async function warmUp(
  init: WorkerInit,
  rules: CountedSnapshot,
  transport: Transport,
  signal: AbortSignal
): Promise<void> {
  const opened: { close(): void }[] = []
  const close = (): void => {
    for (const one of opened.splice(0)) one.close()
  }
  signal.addEventListener('abort', close, { once: true })
  try {
    const upstream = await transport.bind(ANY_PORT, respond)
    opened.push(upstream)
    const plane = new DataPlane(privateInit(init, upstream.local), silent, ignore, ignore)
    opened.push(plane)
    await plane.listen([ANY_PORT], privateRules(rules), [], transport)
    const counts = { sent: 0, received: 0 }
    const client = transport.open(4, ({ count }) => (counts.received += count))
    opened.push(client)
    const peer = transport.peer(plane.endpoints[0]!)
    const send = (query: Uint8Array, length: Octets): void => client.send(query, 0, length, peer)
    await ask(send, counts, listedNames(rules.snapshot), signal)
  } finally {
    signal.removeEventListener('abort', close)
    close()
  }
}

async function ask(
  send: (query: Uint8Array, length: Octets) => void,
  counts: { sent: number; received: number },
  listed: readonly Uint8Array[],
  signal: AbortSignal
): Promise<void> {
  const query = new Uint8Array(MAX_QUERY)
  const until = systemClock.now() + TIME
  while (counts.sent < QUERIES && systemClock.now() < until && !signal.aborted) {
    for (let i = 0; i < BURST; i++) {
      const n = counts.sent++
      send(query, writeQuery(query, n, nameOf(n, listed)))
    }
    for (let left = PATIENCE; left > 0 && counts.received < counts.sent; left--)
      await nextIteration()
    counts.received = counts.sent
  }
}

/**
 * Half of the queries ask for one of a few names again, one in eight for a name that rules list, and the rest for a
 * new name.
 */
function nameOf(n: number, listed: readonly Uint8Array[]): Uint8Array {
  if (n % 2 === 0) return readName(`w${n % 256}.interdict.example`)
  if (n % 8 === 7 && listed.length > 0) return listed[(n >>> 3) % listed.length]!
  if (n % 32 === 3) return readName(`w${n}.invalid`)
  return readName(`${n % 32 === 11 ? 'x' : 'w'}${n}.interdict.example`)
}

function writeQuery(into: Uint8Array, n: number, name: Uint8Array): Octets {
  const question = new Uint8Array(name.length + QUESTION_FIXED_SIZE)
  question.set(name)
  setUint16(question, name.length, n % 16 === 5 ? RRTYPE.AAAA : RRTYPE.A)
  setUint16(question, name.length + 2, 1)
  return encodeUpstreamQuery(into, 0, n & 0xffff, question, false, false, undefined, n % 16 !== 9)
}

/** Some names that rules list. */
function listedNames(snapshot: Snapshot): readonly Uint8Array[] {
  const entries = entriesOf(snapshot)
  const names: Uint8Array[] = []
  for (const entry of new NameTable(snapshot.names).entries()) {
    const content = entries.contentOf(entry)
    if ('name' in content) names.push(content.name)
    if (names.length === LISTED) break
  }
  return names
}

/** The upstream: NXDOMAIN for names that begin with x, an address of documentation for all others. RFC 5737, RFC 3849 */
function respond(batch: DatagramBatch): void {
  const { octets, starts, lengths, replies, count } = batch
  for (let i = 0; i < count; i++) {
    const start = starts[i]!
    let end = start + HEADER_SIZE
    while (octets[end] !== 0) end += octets[end]! + 1
    end += 1 + QUESTION_FIXED_SIZE
    const hasOpt = octets[start + 11] === 1 && end + OPT_FIXED_SIZE <= start + lengths[i]!
    const exists = (octets[start + HEADER_SIZE + 1]! | 0x20) !== 0x78
    setUint16(octets, start + 2, exists ? 0x8180 : 0x8183)
    setUint16(octets, start + 6, exists ? 1 : 0)
    let at = end
    if (exists) at = writeAddress(octets, end, getUint16(octets, end - 4))
    if (hasOpt) at = writeOpt(octets, at)
    replies[i] = at - start
  }
}

function writeAddress(octets: Uint8Array, at: Octets, type: number): Octets {
  const size = type === RRTYPE.A ? 4 : 16
  setUint16(octets, at, 0xc00c)
  setUint16(octets, at + 2, type)
  setUint16(octets, at + 4, 1)
  setUint32(octets, at + 6, 300)
  setUint16(octets, at + 10, size)
  octets.fill(0, at + 12, at + 12 + size)
  if (size === 4) setUint32(octets, at + 12, 0xc6336401)
  else setUint32(octets, at + 12, 0x20010db8)
  return at + 12 + size
}

function writeOpt(octets: Uint8Array, at: Octets): Octets {
  octets.fill(0, at, at + OPT_FIXED_SIZE)
  setUint16(octets, at + 1, RRTYPE.OPT)
  setUint16(octets, at + 3, UDP_PAYLOAD)
  return at + OPT_FIXED_SIZE
}

function privateInit(init: WorkerInit, upstream: Endpoint): WorkerInit {
  const { settings, counters, cache } = init
  const workers = cache.inFlight === undefined ? 1 : 2
  return {
    ...init,
    settings: {
      ...settings,
      config: privateConfig(settings.config),
      upstreams: [upstream],
      labels: [],
      disabledRoutes: new Set()
    },
    number: 0,
    cache: new SharedCache(CACHE, workers, silent).memory,
    ring: createRing(),
    counters: new SharedArrayBuffer(counters.byteLength)
  }
}

function privateConfig(config: Config): Config {
  const { upstreams, limits, frontEnds, probe } = config
  return {
    ...config,
    upstreams: { ...upstreams, forward: [], idleProbe: 0 },
    limits: { ...limits, exempt: LOOPBACK },
    frontEnds: { ...frontEnds, proxyProtocol: [], clientSubnet: [] },
    probe: { ...probe, enabled: false }
  }
}

/** The rules of the first network, for clients on loopback, without its forwarders. */
function privateRules({ snapshot, counters }: CountedSnapshot): CountedSnapshot {
  const { clients } = snapshot
  // Its upstream has no signatures.
  const dnssec = new Uint8Array(clients.dnssec.length)
  const egress = new Uint8Array(clients.egress.length)
  const first = clients.networkOf.length > 1 ? 1 : 0
  const prefixes = compilePrefixes(LOOPBACK, covering => (covering.length > 0 ? first : 0))
  return {
    snapshot: {
      ...snapshot,
      forwarders: [],
      dns64: [],
      clients: {
        ...clients,
        prefixes,
        dnssec,
        egress,
        forwarders: new Int32Array(clients.forwarders.length)
      }
    },
    counters: new SharedArrayBuffer(counters.byteLength)
  }
}

function ignore(): void {
  // The second data plane reports nothing.
}
