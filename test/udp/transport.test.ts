import t from 'tap'
import { batchTransport } from '../../src/wire/sockets/batch/batch.js'
import { chooseTransport } from '../../src/wire/sockets/transport.js'

const canBatch = typeof batchTransport() !== 'string'

/** Runs with `process` pretending to be another platform or architecture. */
function onOther<T>(property: 'platform' | 'arch', value: string, run: () => T): T {
  const own = Object.getOwnPropertyDescriptor(process, property)!
  Object.defineProperty(process, property, { ...own, value })
  try {
    return run()
  } finally {
    Object.defineProperty(process, property, own)
  }
}

t.test('auto uses batch sockets where available', async t => {
  const { transport, fallbackReason } = chooseTransport('auto')
  t.equal(transport.kind, canBatch ? 'batch' : 'portable')
  t.equal(fallbackReason === undefined, canBatch)
})

t.test('portable uses portable sockets', async t => {
  const { transport, fallbackReason } = chooseTransport('portable')
  t.equal(transport.kind, 'portable')
  t.type(fallbackReason, 'string')
})

const others = [
  { property: 'platform', value: 'darwin' },
  { property: 'arch', value: 'riscv64' }
] as const
for (const { property, value } of others) {
  t.test(`on ${value}, auto falls back to portable and says why, batch is refused`, async t => {
    onOther(property, value, () => {
      const { transport, fallbackReason } = chooseTransport('auto')
      t.equal(transport.kind, 'portable')
      if (process.platform === 'linux') t.match(fallbackReason, value)
      t.throws(() => chooseTransport('batch'), { code: 'SOCKET_NO_BATCH' })
    })
  })
}
