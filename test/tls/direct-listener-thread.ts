import { parentPort, workerData } from 'node:worker_threads'
import { DirectListener } from '../../src/wire/tls/openssl/direct-listener.js'
import { tlsLoop } from '../../src/wire/tls/openssl/tls-loop.js'
import { batchTransport } from '../../src/wire/sockets/batch/batch.js'
import { DescriptorTable } from '../../src/base/system/descriptor-table.js'

/** A thread that accepts connections, reports its port and each connection, and waits to be killed. */
const transport = batchTransport(new DescriptorTable(workerData as SharedArrayBuffer))
const loop = tlsLoop()
if (typeof transport !== 'string' && typeof loop !== 'string') {
  const options = await transport.tcpListen({ address: '127.0.0.1', port: 0 })
  if ('fd' in options) {
    const ignore = (): void => undefined
    new DirectListener(loop, options.fd, () => parentPort?.postMessage('accepted'), ignore)
    parentPort?.postMessage(options.local.port)
  }
}
