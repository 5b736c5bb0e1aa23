/**
 * A small DHCP client: prints the data of the option for encrypted DNS that a server hands out, in hexadecimal,
 * one line for each option. `node dhcp-client.js 4 SERVER OWN` or `node dhcp-client.js 6 INTERFACE`.
 */
import { createSocket, type Socket } from 'node:dgram'
import { networkInterfaces } from 'node:os'

const RETRY = 500
const GIVE_UP = 20_000
const [family, target, own] = process.argv.slice(2)

/** DHCPDISCOVER as a relay sends it (RFC 2131 §4.1, RFC 1542 §4), which needs no raw socket. */
function discover(): Buffer {
  const fixed = Buffer.alloc(240)
  // BOOTREQUEST, Ethernet, 6 octets of hardware address, one hop.
  fixed.set([1, 1, 6, 1, 0x12, 0x34, 0x56, 0x78])
  fixed.set(own!.split('.').map(Number), 24)
  fixed.set([2, 0, 0, 0, 0, 1], 28)
  fixed.set([0x63, 0x82, 0x53, 0x63], 236)
  // Message type DISCOVER; parameter request list; end.
  return Buffer.concat([fixed, Buffer.of(53, 1, 1, 55, 4, 1, 3, 6, 162, 255)])
}

/** Data of option 162, whose parts are concatenated: RFC 3396 §5. */
function options4(message: Buffer): Buffer[] {
  const parts: Buffer[] = []
  for (let at = 240; message[at] !== undefined && message[at] !== 255;) {
    if (message[at] === 0) {
      at++
      continue
    }
    const [code, length] = [message[at], message[at + 1]!]
    if (code === 162) parts.push(message.subarray(at + 2, at + 2 + length))
    at += 2 + length
  }
  return parts.length === 0 ? [] : [Buffer.concat(parts)]
}

/** Information-request: RFC 8415 §18.2.6. */
function informationRequest(): Buffer {
  return Buffer.concat([
    Buffer.of(11, 1, 2, 3),
    // Client identifier: DUID-LL; elapsed time; option request: 23 and 144.
    Buffer.of(0, 1, 0, 10, 0, 3, 0, 1, 2, 0, 0, 0, 0, 1),
    Buffer.of(0, 8, 0, 2, 0, 0),
    Buffer.of(0, 6, 0, 4, 0, 23, 0, 144)
  ])
}

/** Data of each option 144. */
function options6(message: Buffer): Buffer[] {
  const found: Buffer[] = []
  for (let at = 4; at + 4 <= message.length;) {
    const [code, length] = [message.readUInt16BE(at), message.readUInt16BE(at + 2)]
    if (code === 144) found.push(message.subarray(at + 4, at + 4 + length))
    at += 4 + length
  }
  return found
}

function print(found: readonly Buffer[]): never {
  process.stdout.write(found.map(data => `${data.toString('hex')}\n`).join(''))
  process.exit(0)
}

/** Sends again until a server answers: it may not listen yet, nor may the link be ready. */
function ask(socket: Socket, message: Buffer, port: number, to: string): void {
  const send = (): void => socket.send(message, port, to, () => undefined)
  send()
  setInterval(send, RETRY)
}

setTimeout(() => process.exit(1), GIVE_UP)
if (family === '4') {
  const socket = createSocket('udp4')
  socket.on('message', message => print(options4(message)))
  socket.bind(67, own, () => ask(socket, discover(), 67, target!))
} else {
  const linkLocal = (): string | undefined =>
    networkInterfaces()[target!]?.find(({ address }) => address.startsWith('fe80'))?.address
  const open = (): void => {
    const address = linkLocal()
    if (address === undefined) return void setTimeout(open, RETRY)
    const socket = createSocket('udp6')
    // The address cannot be used before duplicate address detection has ended: RFC 4862 §5.4.
    socket.on('error', () => setTimeout(open, RETRY))
    socket.on('message', message => print(options6(message)))
    socket.bind(546, `${address}%${target!}`, () =>
      ask(socket, informationRequest(), 547, `ff02::1:2%${target!}`)
    )
  }
  open()
}
