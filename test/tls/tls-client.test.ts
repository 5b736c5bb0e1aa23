import { once } from 'node:events'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { directClient } from '../../src/wire/tls/openssl/direct-client.js'
import { TlsClient } from '../../src/wire/tls/openssl/tls-client.js'
import { makeCertificate } from './certificates.js'

const { certificate: cert, key } = makeCertificate()
const direct = directClient(cert, undefined)
const SIZE = 8_000_000

interface Pair {
  readonly raw: Socket
  readonly client: TlsClient
  readonly server: Promise<TLSSocket>
  readonly closed: Promise<unknown>
  /** Once the server knows that the handshake has ended. */
  readonly reset: () => Promise<void>
  readonly errors: string[]
}

/** A client that connects to a server which reads nothing yet. */
async function pair(t: Test): Promise<Pair> {
  if (typeof direct === 'string') throw new Error(direct)
  const listener = createServer({ cert, key, allowHalfOpen: true })
  await new Promise<void>(resolve => listener.listen(0, '127.0.0.1', resolve))
  t.teardown(() => listener.close())
  const accepted = once(listener, 'connection') as Promise<[Socket]>
  const server = once(listener, 'secureConnection').then(([socket]: TLSSocket[]) => {
    socket!.on('error', () => undefined)
    t.teardown(() => socket!.destroy())
    return socket!
  })
  const raw = connect((listener.address() as AddressInfo).port, '127.0.0.1')
  const request = { serverName: 'dns.example', protocol: 'dot', session: undefined }
  const client = new TlsClient(direct, raw, request, () => undefined)
  t.teardown(() => client.destroy())
  const errors: string[] = []
  client.on('error', ({ message }: Error) => errors.push(message))
  const reset = async (): Promise<void> => {
    await server
    const [socket] = await accepted
    socket.resetAndDestroy()
  }
  return {
    raw,
    client,
    server,
    reset,
    closed: new Promise(resolve => client.once('close', resolve)),
    errors
  }
}

t.test(
  'a TLS client that calls OpenSSL',
  { skip: typeof direct === 'string' && direct },
  async t => {
    t.test('sends all when the server reads late', async t => {
      const { client, server } = await pair(t)
      await once(client, 'secureConnect')
      for (let sent = 0; sent < SIZE; sent += SIZE / 4)
        client.write(new Uint8Array(SIZE / 4).fill(7))
      const socket = await server
      let received = 0
      let wrong = 0
      for await (const chunk of socket as AsyncIterable<Buffer>) {
        received += chunk.length
        wrong += chunk.reduce((count, octet) => (octet === 7 ? count : count + 1), 0)
        if (received >= SIZE) break
      }
      t.strictSame([received, wrong], [SIZE, 0])
    })

    t.test('ends when the server resets what waits to be sent', async t => {
      const { client, reset, closed } = await pair(t)
      await once(client, 'secureConnect')
      client.write(new Uint8Array(SIZE))
      await reset()
      await closed
      t.equal(client.destroyed, true)
    })

    t.test('ends with an error when the server resets an idle connection', async t => {
      const { client, reset, closed, errors } = await pair(t)
      await once(client, 'secureConnect')
      await reset()
      await closed
      t.match(errors, [/reset/])
    })

    t.test('writes nothing before the end of the handshake', async t => {
      const { raw, client, closed } = await pair(t)
      raw.once('connect', () => client.write(Buffer.from('secret')))
      await closed
      t.equal(client.destroyed, true)
    })
  }
)
