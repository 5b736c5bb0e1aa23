/**
 * A client of a pair of gateways, in a network namespace, and the upstream of both. Queries a name that it never queried before
 * every 20 ms, and prints a line for each answer: `time name`, in milliseconds of the wall clock.
 *
 *     node pair-client.js SERVER UPSTREAM_ADDRESS UPSTREAM_PORT
 */
import { createSocket } from 'node:dgram'
import { decode, encode, RECURSION_DESIRED, type Answer } from 'dns-packet'

const [server = '', upstreamAddress = '', upstreamPort = ''] = process.argv.slice(2)
const INTERVAL = 20

const upstream = createSocket('udp4')
upstream.on('message', (message, peer) => {
  const { id, questions = [], flags = 0 } = decode(message)
  const { name, type } = questions[0]!
  const answers: Answer[] = type === 'A' ? [{ name, type, ttl: 60, data: '192.0.2.80' }] : []
  const reply = encode({ type: 'response', id, flags: flags | 0x80, questions, answers })
  upstream.send(reply, peer.port, peer.address)
})
upstream.bind(Number(upstreamPort), upstreamAddress)

const client = createSocket('udp4')
client.on('error', () => undefined)
client.on('message', message => {
  const { questions = [], answers = [] } = decode(message)
  if (answers.length > 0) process.stdout.write(`${Date.now()} ${questions[0]!.name}\n`)
})
let id = 0
setInterval(() => {
  id = (id + 1) % 65_536
  const name = `n${process.pid}-${Date.now()}-${id}.example`
  const query = encode({ id, flags: RECURSION_DESIRED, questions: [{ name, type: 'A' }] })
  // While a link is down the system refuses to send.
  client.send(query, 53, server, () => undefined)
}, INTERVAL)
