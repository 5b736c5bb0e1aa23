/** A thread that answers on sockets of `node:dgram`, and ends or fails while datagrams arrive. */
import { parentPort } from 'node:worker_threads'
import { endOnRequest, endThread } from '../../src/base/threads/end-thread.js'
import { portableTransport } from '../../src/wire/sockets/portable/portable.js'

/** With several, one may receive a datagram in the event loop iteration in which the thread ends. */
const SOCKETS = 4

endOnRequest()
const transport = portableTransport()
const opening = Array.from({ length: SOCKETS }, () =>
  transport.bind({ address: '127.0.0.1', port: 0 }, batch => {
    batch.replies[0] = batch.lengths[0]!
  })
)
void Promise.all(opening).then(sockets => {
  parentPort!.on('message', ({ kind }: { readonly kind: string }) => {
    if (kind === 'throw') throw new Error('thrown')
    if (kind !== 'fail') return
    // As a worker whose handler of a message has failed: in a microtask.
    void Promise.reject(new Error('failed')).catch(() => {
      // Those with sends in flight close later by themselves.
      for (const socket of sockets) socket.close()
      endThread()
    })
  })
  parentPort!.postMessage(sockets.map(({ local }) => local.port))
})
