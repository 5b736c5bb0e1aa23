import t from 'tap'
import { loadKoffi, loadSystem } from '../../src/base/system/linux.js'
import { loadOpenSsl } from '../../src/wire/tls/openssl/load-openssl.js'
import { FAILED } from '../../src/wire/tls/openssl/openssl.js'

const openSsl = loadOpenSsl()
const skip = typeof openSsl === 'string' && openSsl

/** OpenSSL's queue of errors, as Node's own code and other connections of the thread see it. */
function errorQueue() {
  const program = loadKoffi().load(null)
  const first = program.func('ulong ERR_peek_error()') as () => number
  const create = program.func('void ERR_new()') as () => void
  const set = program.func('void ERR_set_error(int library, int reason, size_t format)')
  return {
    first,
    /** As a call of other code that has failed. */
    add: () => {
      create()
      ;(set as (...args: number[]) => void)(1, 100, 0)
    }
  }
}

t.test('a call that fails throws in OpenSSL’s words, and leaves no error', { skip }, async t => {
  if (typeof openSsl === 'string') return
  const { first } = errorQueue()
  const context = openSsl.newContext(openSsl.serverMethod())
  t.throws(() => openSsl.setCiphers(context, 'NONSENSE'), {
    message: /^SSL_CTX_set_cipher_list: error:.*no cipher match/
  })
  t.equal(first(), 0)
  t.throws(() => openSsl.controlContext(context, 9999, 0, 0), {
    message: 'SSL_CTX_ctrl: failed with 0'
  })
  t.throws(() => openSsl.newContext(0), /null ssl method passed/)
  t.equal(first(), 0)
  openSsl.freeContext(context)
})

t.test('an error of other code is not a connection’s', { skip }, async t => {
  if (typeof openSsl === 'string') return
  const { first, add } = errorQueue()
  const context = openSsl.newContext(openSsl.clientMethod())
  const connection = openSsl.newConnection(context)
  const bios = [openSsl.newBio(openSsl.memory()), openSsl.newBio(openSsl.memory())]
  openSsl.setInput(connection, bios[0]!)
  openSsl.setOutput(connection, bios[1]!)
  openSsl.setClient(connection)
  add()
  t.not(first(), 0)
  t.equal(openSsl.handshake(connection), FAILED.wantRead)
  t.equal(openSsl.lastError(), undefined)
  const memory = openSsl.system.map(4096)
  for (const name of ['read', 'write'] as const) {
    add()
    t.equal(openSsl[name](connection, memory.address, 1), FAILED.wantRead, name)
  }
  // OpenSSL rejects it, and that stays in the queue without the layer.
  t.equal(openSsl.shutdown(connection), FAILED.protocol)
  t.match(openSsl.lastError(), /shutdown while in init/)
  t.equal(first(), 0)
  add()
  openSsl.freeConnection(connection)
  openSsl.freeContext(context)
  t.equal(first(), 0)
})

t.test('an exception in a callback is a failure for OpenSSL', { skip }, async t => {
  if (typeof openSsl === 'string' || typeof loadSystem() === 'string') return
  const pointer = openSsl.callback('int onSslTest(int number)', 2, number => {
    if (number === 1) throw new Error('a defect')
    return 0
  })
  const koffi = loadKoffi()
  const call = koffi.decode(pointer, koffi.proto('int callSslTest(int number)')) as unknown
  const run = call as (number: number) => number
  t.strictSame([run(0), run(1)], [0, 2])
})
