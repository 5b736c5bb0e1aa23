/**
 * A DNS client: `node client.js LABEL SECONDS RATE` asks 127.0.0.1 for `LABEL-N.tiktok.com` over UDP, each name once, and
 * prints the numbers of the names that were answered, as JSON. It imports nothing but Node.
 */
import { createSocket } from 'node:dgram'
import { setTimeout as sleep } from 'node:timers/promises'

/** After the last query. */
const PATIENCE = 1_000
const TICK = 10
/** After a pause, so many are sent before responses are read: more than 277 do not fit into the buffer of a socket. */
const BURST = 50

const [, , label = '', seconds = '', rate = ''] = process.argv
const total = Number(seconds) * Number(rate)
const answered = new Set<number>()
// Errors of a closed port are reported at the next call.
const socket = createSocket('udp4').on('error', () => undefined)
socket.on('message', reply => answered.add(numberIn(reply)))

function query(number: number): Buffer {
  const labels = [`${label}-${number}`, 'tiktok', 'com'].map(text =>
    Buffer.concat([Buffer.of(text.length), Buffer.from(text)])
  )
  const header = Buffer.from([number >> 8, number & 0xff, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0])
  return Buffer.concat([header, ...labels, Buffer.of(0, 0, 1, 0, 1)])
}

/** After the header, the length of the first label, the label and a hyphen. */
const numberIn = (reply: Buffer): number =>
  Number(reply.toString('latin1', 13 + label.length + 1, 13 + reply[12]!))

const started = performance.now()
for (let next = 0; next < total;) {
  await sleep(TICK)
  const due = Math.min(total, ((performance.now() - started) * Number(rate)) / 1000)
  for (let sent = 0; next < due && sent < BURST; sent++) socket.send(query(next++), 53, '127.0.0.1')
}
await sleep(PATIENCE)
process.stdout.write(JSON.stringify([...answered].sort((a, b) => a - b)))
process.exit()
