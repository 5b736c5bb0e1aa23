import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import t from 'tap'
import { OutputBio, type Sender } from '../../src/wire/tls/openssl/memory-bio.js'
import { descriptorOf } from '../../src/wire/tls/openssl/node-socket.js'
import { loadOpenSsl } from '../../src/wire/tls/openssl/load-openssl.js'
import type { OpenSsl } from '../../src/wire/tls/openssl/openssl.js'

const loaded = loadOpenSsl()
const skip = typeof loaded === 'string' && loaded

/** Both ends of a connection, one of which is written by its descriptor only. */
class Connection implements Sender {
  readonly fd: number
  kept = ''
  received = ''

  private constructor(own: Socket, other: Socket) {
    this.fd = descriptorOf(own)!
    t.teardown(() => [own, other].forEach(socket => socket.destroy()))
    other.setEncoding('latin1').on('data', (text: string) => (this.received += text))
  }

  static async open(): Promise<Connection> {
    const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const other = connect((server.address() as AddressInfo).port, '127.0.0.1')
    const [own] = (await once(server, 'connection')) as [Socket]
    server.close()
    return new Connection(own, other)
  }

  get unsent(): number {
    return this.kept.length
  }

  keep(octets: Buffer): void {
    this.kept += octets.toString('latin1')
  }

  async receives(text: string): Promise<void> {
    const end = performance.now() + 10_000
    while (this.received.length < text.length && performance.now() < end) {
      await new Promise(resolve => setImmediate(resolve))
    }
    t.equal(this.received, text)
    this.received = ''
  }
}

/** @param limit most that a socket takes at once */
async function open(limit = Infinity) {
  const openSsl = { ...(loaded as OpenSsl) }
  const { sendAt } = openSsl
  let calls = 0
  openSsl.sendAt = (...[fd, address, length, flags]) => {
    calls++
    const sent = Math.min(length as number, limit)
    return sent < 0 ? sent : sendAt(fd!, address!, sent, flags!)
  }
  const bio = new OutputBio(openSsl)
  const write = (text: string, sender?: Connection): void => {
    openSsl.writeBio(bio.bio, Buffer.from(text, 'latin1'), text.length)
    if (sender !== undefined) bio.add(sender)
  }
  const [first, second] = [await Connection.open(), await Connection.open()]
  return { bio, write, first, second, calls: () => calls }
}

t.test('sends at once what is written outside of a turn', { skip }, async () => {
  const { write, first, second } = await open()
  write('one', first)
  write('two', second)
  await first.receives('one')
  await second.receives('two')
})

t.test('sends at the end of a turn what belongs to each connection', { skip }, async t => {
  const { bio, write, first, second, calls } = await open()
  for (const turn of ['a', 'b', 'c']) {
    bio.isCollecting = true
    const before = calls()
    write(`${turn}1`, first)
    write(`${turn}2`, second)
    bio.add(second)
    write(`${turn}3`, first)
    t.equal(calls(), before, 'nothing is sent during the turn')
    bio.isCollecting = false
    bio.send()
    t.equal(calls(), before + 3)
    await first.receives(`${turn}1${turn}3`)
    await second.receives(`${turn}2`)
  }
})

t.test('sends much before the turn has ended', { skip }, async () => {
  const { bio, write, first } = await open()
  bio.isCollecting = true
  const much = 'much '.repeat(5000)
  write(much, first)
  await first.receives(much)
})

t.test('leaves to a connection what its socket does not take', { skip }, async t => {
  const { bio, write, first, second } = await open(4)
  bio.isCollecting = true
  write('much more', first)
  write('some', second)
  write(', and', first)
  bio.send()
  write(' so on', first)
  write('then', second)
  bio.send()
  await first.receives('much')
  await second.receives('somethen')
  t.equal(first.kept, ' more, and so on')
  t.equal(second.kept, '')
})

t.test('leaves everything to a connection whose socket is full or gone', { skip }, async t => {
  const { write, first, second } = await open(-1)
  write('one', first)
  write('two', second)
  write('three', first)
  t.strictSame([first.kept, second.kept], ['onethree', 'two'])
})

t.test('discards what is nobody’s', { skip }, async () => {
  const { bio, write, first, second } = await open()
  bio.isCollecting = true
  write('one', first)
  write('of a connection that is gone')
  bio.send()
  write('of another')
  bio.send()
  write('two', second)
  bio.send()
  await first.receives('one')
  await second.receives('two')
})
