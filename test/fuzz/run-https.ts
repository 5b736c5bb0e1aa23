import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect as connectTcp, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type TLSSocket } from 'node:tls'
import { FLAG, FRAME, PREFACE, settingsFrame } from '../../src/http2/frame.js'
import { ConnectionLimit } from '../../src/server/connection-limit.js'
import { serveTcp, type TcpService } from '../../src/server/tcp.js'
import { block, frame, getOf, POST } from '../server/doh-client.js'
import { FakeResponder, query } from '../server/fake-responder.js'
import { tlsListenOptions } from '../server/tls-options.js'
import { transports } from '../server/transports.js'
import { Dice } from './dice.js'
import type { Options } from './options.js'
import type { Say } from './run-inside.js'

/** Mutants in one connection: after an error the rest is not read. */
const PER_CONNECTION = 40
/** Connections open at once. */
const AT_ONCE = 8
/** Growth of the heap from a tenth of the run to its end. */
const ALLOWED = 16 * 2 ** 20
const IDLE = 3000
/** After this a client goes away, answered or not. */
const PATIENCE = 50

/** What is sent on a stream. */
type Way = (stream: number, dice: Dice) => Buffer

/** Frames and requests to change: each is valid on its own. */
const VALID: Readonly<Record<string, Way>> = {
  post: stream =>
    Buffer.concat([
      frame(FRAME.HEADERS, FLAG.END_HEADERS, stream, block(POST)),
      frame(FRAME.DATA, FLAG.END_STREAM, stream, query('now'))
    ]),
  get: stream =>
    frame(FRAME.HEADERS, FLAG.END_HEADERS | FLAG.END_STREAM, stream, block(getOf(query('now')))),
  big: stream =>
    frame(FRAME.HEADERS, FLAG.END_HEADERS | FLAG.END_STREAM, stream, block(getOf(query('big')))),
  continued: stream => {
    const fields = block(getOf(query('later')))
    return Buffer.concat([
      frame(FRAME.HEADERS, FLAG.END_STREAM, stream, fields.subarray(0, 30)),
      frame(FRAME.CONTINUATION, FLAG.END_HEADERS, stream, fields.subarray(30))
    ])
  },
  settings: (_, dice) => Buffer.from(settingsFrame([1 + dice.below(6), dice.below(2 ** 31)])),
  ping: () => frame(FRAME.PING, 0, 0, randomBytes(8)),
  window: (stream, dice) =>
    frame(FRAME.WINDOW_UPDATE, 0, dice.pick([0, stream]), Buffer.of(0, dice.below(256), 255, 255)),
  reset: stream => frame(FRAME.RST_STREAM, 0, Math.max(1, stream - 2), Buffer.of(0, 0, 0, 8)),
  priority: stream => frame(FRAME.PRIORITY, 0, stream, Buffer.alloc(5)),
  random: (stream, dice) =>
    frame(dice.below(12), dice.below(256), dice.pick([0, 1, stream]), randomBytes(dice.below(64)))
}

/** Changes octets, their number, or the length of a frame; nine times of ten nothing. */
function mutated(octets: Buffer, dice: Dice): Buffer {
  if (dice.chance(90)) return octets
  const copy = Buffer.from(octets)
  for (let left = 1 + dice.below(3); left > 0; left--) {
    copy[dice.below(copy.length)] = dice.chance(30)
      ? dice.pick([0, 0x7f, 0x80, 0xff])
      : dice.below(256)
  }
  if (dice.chance(10)) return copy.subarray(0, dice.below(copy.length))
  return dice.chance(10) ? Buffer.concat([copy, randomBytes(dice.below(20))]) : copy
}

/**
 * Mutated HTTP/2 frames and requests for DNS over HTTPS, and mutated TLS records, against a listener in this
 * process; then connections that do not go on. @returns what is wrong
 */
export async function runHttps(options: Options, say: Say): Promise<string[]> {
  const dice = new Dice(options.seed)
  const responder = new FakeResponder()
  const clock = { now: () => performance.now(), wall: () => Date.now() }
  const terms = { bits: { ipv4: 32, ipv6: 56 }, exempt: undefined }
  const service = await serveTcp(transports()[0]!, { address: '127.0.0.1', port: 0 }, responder, {
    limits: { idle: 10_000, connections: 1000, queriesInFlight: 100 },
    clock,
    connectionLimit: new ConnectionLimit(1000, terms),
    proxies: undefined,
    tls: { ...tlsListenOptions({ timeout: IDLE }), dohPath: '/dns-query' }
  })
  const faults: string[] = []
  const onError = (error: Error): void => void faults.push(`threw ${error.stack ?? error.message}`)
  process.on('uncaughtException', onError)
  const forget = setInterval(() => {
    // The memory of the responder is not what is measured.
    for (const text of responder.pending.keys()) responder.silence(text)
    responder.clients.length = responder.protocols.length = 0
  }, 50)
  let sent = 0
  let base = 0
  const one = async (): Promise<void> => {
    while (sent < options.frames && faults.length === 0) {
      sent += PER_CONNECTION
      if (base === 0 && sent > options.frames / 10) base = heap()
      await (dice.chance(10) ? sendRecords(service, dice) : sendFrames(service, dice))
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, one))
  say(`https: ${sent} mutants, ${service.counts.queries} queries answered`)
  if (!(await isAnswering(service))) faults.push('it answers no more')
  faults.push(...(await slow(service)))
  const grown = heap() - base
  if (grown > ALLOWED) faults.push(`the heap grew by ${(grown / 2 ** 20).toFixed(1)} MB`)
  service.close()
  clearInterval(forget)
  process.off('uncaughtException', onError)
  return faults
}

function heap(): number {
  global.gc?.()
  return process.memoryUsage().heapUsed
}

async function open(service: TcpService): Promise<TLSSocket> {
  const { port } = service.local
  const terms = { host: '127.0.0.1', port, rejectUnauthorized: false, ALPNProtocols: ['h2'] }
  const socket = connect(terms)
  socket.on('error', () => undefined)
  await once(socket, 'secureConnect')
  return socket
}

/** Sends frames, in pieces of any size, and goes away once it is answered or closed. */
async function sendFrames(service: TcpService, dice: Dice): Promise<void> {
  const socket = await open(service)
  const ended = new Promise(resolve => socket.once('end', resolve).once('close', resolve))
  socket.resume()
  const begin = dice.chance(95) ? [PREFACE, Buffer.from(settingsFrame())] : []
  const frames = Array.from({ length: PER_CONNECTION }, (_, i) => {
    return mutated(VALID[dice.pick(Object.keys(VALID))]!(2 * i + 1, dice), dice)
  })
  const octets = Buffer.concat([...begin, ...frames])
  for (let at = 0; at < octets.length;) {
    const size = 1 + dice.below(dice.pick([20, 400, 20_000]))
    socket.write(octets.subarray(at, at + size))
    at += size
  }
  socket.end()
  await Promise.race([ended, sleep(PATIENCE)])
  socket.destroy()
}

/** Sends a TLS handshake whose records are changed. */
async function sendRecords(service: TcpService, dice: Dice): Promise<void> {
  const { port } = service.local
  const raw = connectTcp(port, '127.0.0.1').on('error', () => undefined)
  await once(raw, 'connect')
  const closed = new Promise(resolve => raw.once('close', resolve))
  const write = raw.write.bind(raw)
  const socket: Socket = connect({ socket: raw, rejectUnauthorized: false, ALPNProtocols: ['h2'] })
  raw.write = (chunk: Uint8Array | string) => write(mutated(Buffer.from(chunk), dice))
  socket.on('error', () => undefined).resume()
  socket.write(Buffer.concat([PREFACE, settingsFrame()]))
  for (let i = 0; i < 4; i++) raw.write(mutated(randomBytes(1 + dice.below(600)), dice))
  raw.end()
  raw.resume()
  await Promise.race([closed, sleep(PATIENCE)])
  socket.destroy()
  raw.destroy()
}

async function isAnswering(service: TcpService): Promise<boolean> {
  const before = service.counts.queries
  const socket = await open(service)
  socket.write(Buffer.concat([PREFACE, settingsFrame(), VALID.post!(1, new Dice(1))]))
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
