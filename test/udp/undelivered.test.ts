import t, { type Test } from 'tap'
import { batchTransport } from '../../src/wire/sockets/batch/batch.js'
import type { BatchHandler, Transport } from '../../src/wire/sockets/datagram.js'
import { Client, turns } from './client.js'

const LOOPBACKS = [
  { family: 4, address: '127.0.0.1', words: [0, 0, 0xffff, 0x7f000001] },
  { family: 6, address: '::1', words: [0, 0, 0, 1] }
] as const

/** Collects undelivered datagrams as `text@port`. */
function collect(into: string[], words: readonly number[]): BatchHandler {
  return ({ octets, starts, lengths, peers, ports, count }) => {
    for (let i = 0; i < count; i++) {
      const text = Buffer.from(octets.subarray(starts[i], starts[i]! + lengths[i]!)).toString()
      const isRight = words.every((word, k) => peers[4 * i + k] === word)
      into.push(isRight ? `${text}@${ports[i]!}` : `${text}@elsewhere`)
    }
  }
}

async function closedPort(address: string): Promise<number> {
  const gone = await Client.at(address)
  const { port } = gone
  gone.close()
  await turns()
  return port
}

async function answering(t: Test, address: string): Promise<number> {
  const upstream = await Client.at(address)
  t.teardown(() => upstream.close())
  upstream.socket.on('message', (octets, from) => {
    upstream.socket.send(octets, from.port, from.address)
  })
  return upstream.port
}

function tests(transport: Transport): void {
  const nobody: BatchHandler = () => undefined

  for (const { family, address, words } of LOOPBACKS) {
    t.test(`IPv${family}: reports which datagrams a closed port refused`, async t => {
      const port = await closedPort(address)
      const lost: string[] = []
      const socket = transport.open(family, nobody, collect(lost, words))
      t.teardown(() => socket.close())
      const texts = Array.from({ length: 200 }, (_, i) => `query ${i}`)
      for (const text of texts) {
        socket.send(Buffer.from(text), 0, text.length, transport.peer({ address, port }))
      }
      while (lost.length < texts.length) await turns(1)
      t.strictSame(
        lost,
        texts.map(text => `${text}@${port}`)
      )
    })
  }

  t.test('datagrams to other ports still arrive', async t => {
    const { address, words } = LOOPBACKS[0]
    const [closed, open] = [await closedPort(address), await answering(t, address)]
    const [got, lost]: [string[], string[]] = [[], []]
    const socket = transport.open(4, collect(got, words), collect(lost, words))
    t.teardown(() => socket.close())
    const sent: { text: string; port: number }[] = []
    for (let i = 0; i < 300; i++) {
      const port = i % 3 === 0 ? closed : open
      const text = `query ${i}`
      sent.push({ text: `${text}@${port}`, port })
      socket.send(Buffer.from(text), 0, text.length, transport.peer({ address, port }))
      if (i % 7 === 0) await turns(1)
    }
    while (got.length + lost.length < sent.length) await turns(1)
    const to = (port: number): string[] => sent.filter(one => one.port === port).map(o => o.text)
    t.strictSame(got.toSorted(), to(open).toSorted())
    t.strictSame(lost.toSorted(), to(closed).toSorted())
  })

  t.test('reports datagrams that the local system does not send', async t => {
    const lost: string[] = []
    // Broadcasting needs SO_BROADCAST, socket(7).
    const words = [0, 0, 0xffff, 0xffffffff]
    const socket = transport.open(4, nobody, collect(lost, words))
    t.teardown(() => socket.close())
    const peer = transport.peer({ address: '255.255.255.255', port: 53 })
    for (const text of ['one', 'another']) socket.send(Buffer.from(text), 0, text.length, peer)
    while (lost.length < 2) await turns(1)
    t.strictSame(lost.toSorted(), ['another@53', 'one@53'])
  })

  t.test('a socket closed by the callback no longer reports', async t => {
    const { address } = LOOPBACKS[0]
    const port = await closedPort(address)
    let batches = 0
    const socket = transport.open(4, nobody, () => {
      batches++
      socket.close()
    })
    for (let i = 0; i < 200; i++) {
      socket.send(Buffer.from('query'), 0, 5, transport.peer({ address, port }))
    }
    while (batches === 0) await turns(1)
    await turns()
    t.equal(batches, 1)
  })
}

const transport = batchTransport()
if (typeof transport === 'string') t.plan(0, transport)
else tests(transport)
