import { parentPort, workerData } from 'node:worker_threads'
import { batchTransport } from '../../src/wire/sockets/batch/batch.js'
import { DescriptorTable } from '../../src/base/system/descriptor-table.js'
import { freePort } from './free-port.js'

/** A thread that binds a socket, reports its port, and waits to be killed. */
const transport = batchTransport(new DescriptorTable(workerData as SharedArrayBuffer))
if (typeof transport !== 'string') {
  const endpoint = { address: '127.0.0.1', port: await freePort() }
  const socket = await transport.bind(endpoint, () => undefined)
  parentPort?.postMessage(socket.local.port)
}
