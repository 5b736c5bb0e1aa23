/**
 * A small DHCP client: takes an address, as a relay asks for it. `node dhcp-request.js SERVER OWN ADDRESS`. RFC 2131 §4.3.2
 */
import { createSocket } from 'node:dgram'

const [server, own, address] = process.argv.slice(2)
const octets = (text: string): number[] => text.split('.').map(Number)
const fixed = Buffer.alloc(240)
// BOOTREQUEST, Ethernet, 6 octets of hardware address, one hop.
fixed.set([1, 1, 6, 1, 0x12, 0x34, 0x56, 0x79])
fixed.set(octets(own!), 24)
fixed.set([2, 0, 0, 0, 0, 1], 28)
fixed.set([0x63, 0x82, 0x53, 0x63], 236)
const host = Buffer.from('laptop')
// Message type REQUEST; requested address; host name; end.
const options = [Buffer.of(53, 1, 3, 50, 4, ...octets(address!)), Buffer.of(12, host.length), host]
const message = Buffer.concat([fixed, ...options, Buffer.of(255)])
const socket = createSocket('udp4')
socket.on('message', () => process.exit(0))
socket.bind(67, own, () => setInterval(() => socket.send(message, 67, server), 500))
setTimeout(() => process.exit(1), 20_000)
