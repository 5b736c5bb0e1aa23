import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { constants } from 'node:os'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { DirectListener } from '../../src/wire/tls/openssl/direct-listener.js'
import type { DirectSocket } from '../../src/wire/tls/openssl/direct-socket.js'
import { tlsLoop } from '../../src/wire/tls/openssl/tls-loop.js'
import { batchTransport, releaseLeftovers } from '../../src/wire/sockets/batch/batch.js'
import { DescriptorTable } from '../../src/base/system/descriptor-table.js'

const transport = batchTransport()
const loop = tlsLoop()
const skip = [transport, loop].some(one => typeof one === 'string')

t.test(
  'accepts by both families, and a while after no descriptors were left',
  { skip },
  async t => {
    if (typeof transport === 'string' || typeof loop === 'string') return
    for (const [address, words] of [
      ['127.0.0.1', [0, 0, 0xffff, 0x7f000001]],
      ['::1', [0, 0, 0, 1]]
    ] as const) {
      const options = await transport.tcpListen({ address, port: 0 })
      if (!('fd' in options)) return
      const { openSsl } = loop
      const { accept, system } = openSsl
      const before = { ...system }
      openSsl.accept = () => -1
      system.errno = () => constants.errno.EMFILE
      let listener: DirectListener | undefined
      let client: Socket | undefined
      const [socket, found] = await new Promise<[DirectSocket, Uint32Array]>(resolve => {
        const onAccepted = (...all: [DirectSocket, Uint32Array]): void => resolve(all)
        const restore = (): void => {
          Object.assign(openSsl, { accept })
          Object.assign(system, before)
        }
        listener = new DirectListener(loop, options.fd, onAccepted, restore)
        client = connect(options.local.port, address)
      })
      t.strictSame([...found], words)
      socket.destroy()
      listener?.close()
      await once(client!.resume(), 'close')
    }
  }
)

t.test('a killed thread leaves no connection open', { skip }, async t => {
  const table = new DescriptorTable()
  const worker = new Worker(new URL('./direct-listener-thread.js', import.meta.url), {
    workerData: table.shared
  })
  const [port] = (await once(worker, 'message')) as [number]
  const client = connect(port, '127.0.0.1').resume()
  await once(worker, 'message')
  await worker.terminate()
  t.notOk(client.closed, 'by itself it stays')
  releaseLeftovers(table)
  await once(client, 'close')
})
