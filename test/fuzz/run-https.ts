import { once } from 'node:events'
import { connect as connectTcp, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, createSecureContext, type TLSSocket } from 'node:tls'
import { collectGarbage } from '../../src/base/threads/heap.js'
import { FLAG, FRAME, PREFACE, settingsFrame } from '../../src/wire/http2/frame.js'
import { ConnectionLimit } from '../../src/resolver/server/connection-limit.js'
import type { DohContext } from '../../src/resolver/server/doh/doh-connection.js'
import { ReplyFrames } from '../../src/resolver/server/doh/reply-frames.js'
import { RequestFields } from '../../src/resolver/server/doh/request-fields.js'
import type { TcpService } from '../../src/resolver/server/tcp-service.js'
import { serveTcp } from '../../src/resolver/server/tcp.js'
import { block, frame, POST } from '../server/doh-client.js'
import { FakeResponder } from '../server/fake-responder.js'
import { tlsListenOptions } from '../server/tls-options.js'
import { transports } from '../server/transports.js'
import { openSslObjects } from '../tls/open-ssl-objects.js'
import { Dice } from './dice.js'
import { mutated, nextPiece, post, randomOctets } from './http2-mutants.js'
import { runInMemory } from './memory-connection.js'
import { Curve } from './memory.js'
import type { Options } from './options.js'
import type { Say } from './run-inside.js'

/** Pieces in one connection: after an error the rest is not read. */
const PER_CONNECTION = 40
/** Connections open at once. */
const AT_ONCE = 8
/** Growth from a tenth of the run to its end. */
const ALLOWED = { heap: 16 * 2 ** 20, resident: 64 * 2 ** 20 }
const IDLE = 3000
/** After this a client goes away, answered or not. */
const PATIENCE = 50
/** How often memory is measured. */
const LOOKS = 20
/** Clients that trust everybody, and ask for HTTP/2. */
const CLIENT = {
  secureContext: createSecureContext(),
  rejectUnauthorized: false,
  ALPNProtocols: ['h2']
}
/** Of the mutants, so many are sent over TLS, half of them as TLS records; the others to connections in memory. */
const OVER_TLS = 0.05
/** Connections in memory, one after the other, before the event loop goes on. */
const IN_MEMORY = 100

/**
 * Mutated HTTP/2 frames and requests for DNS over HTTPS, and mutated TLS records, against a listener in this
 * process; then connections that do not go on. @returns what is wrong
 */
export async function runHttps(options: Options, say: Say): Promise<string[]> {
  const dice = new Dice(options.seed)
  const responder = new FakeResponder()
  const clock = { now: () => performance.now(), wall: () => Date.now() }
  const terms = { bits: { ipv4: 32, ipv6: 56 }, exempt: undefined }
  const objects = openSslObjects({ teardown: () => undefined })
  const limits = { idle: 10_000, connections: 1000, queriesInFlight: 100 }
  const service = await serveTcp(transports()[0]!, { address: '127.0.0.1', port: 0 }, responder, {
    limits,
    clock,
    connectionLimit: new ConnectionLimit(1000, terms),
    proxies: undefined,
    tls: { ...tlsListenOptions({ timeout: IDLE }), dohPath: '/dns-query' }
  })
  const context: DohContext = {
    ...{ responder, clock, ...limits, proxies: undefined, recognition: undefined },
    ...{ frames: new ReplyFrames(), lateFrames: new ReplyFrames(), counts: { queries: 0 } },
    fields: new RequestFields('/dns-query')
  }
  const faults: string[] = []
  const fail = (error: Error): void => void faults.push(`threw ${error.stack ?? error.message}`)
  process.on('uncaughtException', fail)
  const forget = (): void => {
    // The memory of the responder is not what is measured.
    for (const text of responder.pending.keys()) responder.silence(text)
    responder.clients.length = responder.protocols.length = 0
  }
  const sent = { frames: 0, records: 0, inMemory: 0 }
  const all = (): number => sent.frames + sent.records + sent.inMemory
  const [heap, resident] = [new Curve(), new Curve()]
  const look = (): void => {
    collectGarbage()
    const { heapUsed, rss } = process.memoryUsage()
    heap.add(all(), heapUsed)
    resident.add(all(), rss)
  }
  let looks = 0
  const one = async (): Promise<void> => {
    while (all() < options.frames && faults.length === 0) {
      if (sent.frames + sent.records >= OVER_TLS * all()) {
        for (let i = 0; i < IN_MEMORY; i++) sent.inMemory += runInMemory(context, dice)
        await new Promise(resolve => setImmediate(resolve))
      } else if (sent.records < sent.frames) sent.records += await sendRecords(service, dice)
      else sent.frames += await sendFrames(service, dice)
      forget()
      if (all() < (options.frames * looks) / LOOKS) continue
      looks++
      look()
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, () => one().catch(fail)))
  const queries = service.counts.queries + context.counts.queries
  const mutants = `${sent.inMemory + sent.frames} mutated frames and requests, ${sent.frames} of them over TLS`
  say(`https: ${mutants}, ${sent.records} mutated TLS records, ${queries} queries`)
  if (!(await isAnswering(service))) faults.push('it no longer answers')
  faults.push(...(await slow(service)))
  look()
  say(resident.show('mutants'))
  for (const [name, curve] of [
    ['heap', heap],
    ['resident', resident]
  ] as const) {
    const grown = curve.growthAfter(options.frames / 10)
    if (grown > ALLOWED[name]) faults.push(`the memory grew by ${grown} octets (${name})`)
  }
  service.close()
  for (let turn = 0; turn < 1000 && objects.connections.size > 0; turn++) await sleep(1)
  for (const [name, { size }] of Object.entries(objects))
    if (size > 0) faults.push(`${size} ${name} of OpenSSL were not freed`)
  process.off('uncaughtException', fail)
  return faults
}

async function open(service: TcpService): Promise<TLSSocket> {
  const { port } = service.local
  const socket = connect({ host: '127.0.0.1', port, ...CLIENT })
  socket.on('error', () => undefined)
  await once(socket, 'secureConnect')
  return socket
}

/** Sends frames, in pieces of any size, and goes away once it is answered or closed. @returns mutants */
async function sendFrames(service: TcpService, dice: Dice): Promise<number> {
  const socket = await open(service)
  const ended = new Promise(resolve => socket.once('end', resolve).once('close', resolve))
  socket.resume()
  const begin = dice.chance(95) ? [PREFACE, Buffer.from(settingsFrame())] : []
  const pieces = Array.from({ length: PER_CONNECTION }, (_, i) => nextPiece(2 * i + 1, dice))
  const octets = Buffer.concat([...begin, ...pieces.map(piece => piece.octets)])
  for (let at = 0; at < octets.length;) {
    const size = 1 + dice.below(dice.pick([20, 400, 20_000]))
    socket.write(octets.subarray(at, at + size))
    at += size
  }
  socket.end()
  await Promise.race([ended, sleep(PATIENCE)])
  socket.destroy()
  return pieces.filter(({ isMutant }) => isMutant).length
}

/** Sends a TLS handshake whose records are changed, and others. @returns mutants */
async function sendRecords(service: TcpService, dice: Dice): Promise<number> {
  const { port } = service.local
  const raw = connectTcp(port, '127.0.0.1').on('error', () => undefined)
  await once(raw, 'connect')
  const closed = new Promise(resolve => raw.once('close', resolve))
  let mutants = 0
  const wire = new Duplex({
    read: () => undefined,
    write(valid: Buffer, _, done) {
      const octets = mutated(valid, dice)
      if (octets !== valid) mutants++
      raw.write(octets)
      done()
    }
  })
  raw.on('data', (octets: Buffer) => void wire.push(octets))
  const socket = connect({ socket: wire, ...CLIENT })
  socket.on('error', () => undefined).resume()
  socket.write(Buffer.concat([PREFACE, settingsFrame(), post(1)]))
  if (dice.chance(50)) {
    const secure = once(socket, 'secureConnect').catch(() => undefined)
    await Promise.race([secure, closed, sleep(PATIENCE)])
    const payload = randomOctets(1 + dice.below(600), dice)
    const head = Buffer.of(
      dice.pick([20, 21, 22, 23, 24]),
      3,
      3,
      payload.length >> 8,
      payload.length
    )
    raw.write(dice.chance(50) ? payload : Buffer.concat([head, payload]))
    mutants++
  }
  raw.end()
  await Promise.race([closed, sleep(PATIENCE)])
  socket.destroy()
  raw.destroy()
  return mutants
}

async function isAnswering(service: TcpService): Promise<boolean> {
  const before = service.counts.queries
  const socket = await open(service)
  socket.write(Buffer.concat([PREFACE, settingsFrame(), post(1)]))
  await once(socket, 'data')
  socket.destroy()
  return service.counts.queries > before
}

/** Connections whose handshake, fields or body does not go on are closed or reset. */
async function slow(service: TcpService): Promise<string[]> {
  const { port } = service.local
  const begin = Buffer.concat([PREFACE, settingsFrame()])
  const part = frame(FRAME.HEADERS, 0, 1, block(POST).subarray(0, 9))
  const raw = connectTcp(port, '127.0.0.1').on('error', () => undefined)
  const sockets: Socket[] = [raw, await open(service), await open(service), await open(service)]
  raw.write(Buffer.of(22, 3, 1))
  sockets[1]!.write(begin.subarray(0, 9))
  sockets[2]!.write(Buffer.concat([begin, part]))
  sockets[3]!.write(Buffer.concat([begin, frame(FRAME.HEADERS, FLAG.END_HEADERS, 1, block(POST))]))
  const closed = sockets.map(socket => once(socket.resume(), 'close').then(() => true))
  const late = new Promise<boolean>(resolve => setTimeout(resolve, 60_000, false).unref())
  const results = await Promise.all(closed.map(one => Promise.race([one, late])))
  const names = ['handshake', 'preface', 'fields', 'body']
  return names.filter((_, i) => !results[i]).map(name => `a slow ${name} was not closed`)
}
