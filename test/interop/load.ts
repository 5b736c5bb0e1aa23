/**
 * Bounded load for one server on loopback: `node load.js PORT QUERIES`, each query with a name of its own. It goes on
 * for up to ten times as many until its standard input ends.
 *
 * Over UDP, each socket has a number of queries on their way at most, all together at most `RATE` a second;
 * nothing is retried. Over TCP, connections end after some queries, and what was not answered when the server closed one is
 * sent again on another, as RFC 7766 §6.2.4 demands.
 *
 * Prints a line with the number of replies after each percent, and at the end what was sent and lost, as JSON.
 */
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import packet from 'dns-packet'
import { batchTransport } from '../../src/wire/sockets/batch/batch.js'
import type { DatagramBatch, UpstreamSocket } from '../../src/wire/sockets/datagram.js'

const UDP_SOCKETS = 32
const ON_THEIR_WAY = 8
const RATE = 15_000
const TICK = 5
const TCP_CLIENTS = 8
/** One of so many queries goes over TCP. */
const TCP_SHARE = 20
const PER_CONNECTION = [1, 3, 50]
/** After the last reply. */
const PATIENCE = 5_000
/** One of so many names is forwarded to an upstream that takes its time. */
const FORWARDED_SHARE = 25

const [port, count] = process.argv.slice(2).map(Number) as [number, number]

export const nameOf = (number: number): string =>
  number % FORWARDED_SHARE === 0 ? `q${number}.forwarded.example` : `q${number}.banned.example`

/** A query whose reply is recognized by its name, since there are more of them than IDs. */
const queryFor = (number: number): Buffer =>
  packet.encode({
    type: 'query',
    id: number & 0xffff,
    flags: packet.RECURSION_DESIRED,
    questions: [{ type: 'A', name: nameOf(number) }]
  })

const numberIn = (octets: Uint8Array, at: number, end: number): number => {
  let number = 0
  // After the header, the length of the first label, and its `q`.
  for (let i = at + 14; i < end && octets[i]! >= 0x30 && octets[i]! <= 0x39; i++)
    number = number * 10 + octets[i]! - 0x30
  return number
}

const MAX = 10 * count
const answers = new Uint8Array(MAX)
/** How many are to be sent; known when the input has ended. */
let limit = MAX
process.stdin.once('end', () => (limit = Math.max(count, next))).resume()
let answered = 0
let duplicates = 0
let retried = 0
let lastReply = performance.now()

function onReply(number: number): void {
  if (number >= MAX || answers[number]! > 0) {
    duplicates++
    return
  }
  answers[number] = 1
  answered++
  lastReply = performance.now()
  if (answered % Math.ceil(count / 100) === 0) process.stdout.write(`${answered}\n`)
}

/** Those of UDP and of TCP are taken in turn. */
let next = 0
let nextTcp = 0
const takeUdp = (): number | undefined => {
  while (next < limit && next % TCP_SHARE === 1) next++
  return next < limit ? next++ : undefined
}
const numberOf = (tcp: number): number => tcp * TCP_SHARE + 1
const takeTcp = (): number | undefined => {
  const number = numberOf(nextTcp)
  // Not ahead of those over UDP: the limit may be there.
  return number < Math.min(limit, next) ? (nextTcp++, number) : undefined
}

async function overUdp(): Promise<void> {
  const transport = batchTransport()
  if (typeof transport === 'string') throw new Error(transport)
  const server = transport.peer({ address: '127.0.0.1', port })
  const send = (socket: Pick<UpstreamSocket, 'send'>): void => {
    const number = takeUdp()
    if (number === undefined) return
    const query = queryFor(number)
    socket.send(query, 0, query.length, server)
  }
  const free: Pick<UpstreamSocket, 'send'>[] = []
  for (let i = 0; i < UDP_SOCKETS; i++) {
    const socket = transport.open(4, (batch: DatagramBatch) => {
      for (let i = 0; i < batch.count; i++) {
        const at = batch.starts[i]!
        onReply(numberIn(batch.octets, at, at + batch.lengths[i]!))
        free.push(socket)
      }
    })
    for (let j = 0; j < ON_THEIR_WAY; j++) free.push(socket)
  }
  const started = performance.now()
  setInterval(() => {
    const due = ((performance.now() - started) * RATE) / 1000
    while (next < due && free.length > 0) send(free.pop()!)
  }, TICK)
}

async function overTcp(client: number): Promise<void> {
  let pending: number[] = []
  for (let connections = 0; ; connections++) {
    const wanted = PER_CONNECTION[(client + connections) % PER_CONNECTION.length]!
    while (pending.length < wanted) {
      const number = takeTcp()
      if (number === undefined) break
      pending.push(number)
    }
    if (pending.length === 0) {
      if (numberOf(nextTcp) >= limit) return
      await sleep(TICK)
      continue
    }
    const unanswered = await onConnection(pending)
    retried += unanswered.length
    pending = unanswered
  }
}

/** Sends queries one after the other. @returns those without an answer when the server closed the connection */
async function onConnection(numbers: readonly number[]): Promise<number[]> {
  const socket = connect(port, '127.0.0.1')
  let received: Buffer = Buffer.alloc(0)
  let at = 0
  const send = (): void => {
    const query = queryFor(numbers[at]!)
    const length = Buffer.alloc(2)
    length.writeUInt16BE(query.length)
    socket.write(Buffer.concat([length, query]))
  }
  socket.on('connect', send)
  socket.on('data', data => {
    received = Buffer.concat([received, data])
    while (received.length >= 2 && received.length >= 2 + received.readUInt16BE()) {
      const end = 2 + received.readUInt16BE()
      onReply(numberIn(received, 2, end))
      received = received.subarray(end)
      at++
      if (at < numbers.length) send()
      else socket.end()
    }
  })
  socket.on('error', () => undefined)
  await once(socket, 'close')
  return numbers.slice(at)
}

await overUdp()
const tcp = Promise.all(Array.from({ length: TCP_CLIENTS }, (_, client) => overTcp(client)))
while (answered < limit && performance.now() - lastReply < PATIENCE) await sleep(50)
const lost = limit - answered
if (lost === 0) await tcp
process.stdout.write(`${JSON.stringify({ sent: limit, lost, duplicates, retried })}\n`)
process.exit()
