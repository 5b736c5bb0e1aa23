import t from 'tap'
import { batchTransport } from '../../src/wire/sockets/batch/batch.js'
import { loadOpenSsl, openSslProblem } from '../../src/wire/tls/openssl/load-openssl.js'
import { checkOpenSsl } from '../../src/wire/tls/openssl/openssl-check.js'
import { FAILED, OpenSslError, type OpenSsl } from '../../src/wire/tls/openssl/openssl.js'
import { openSslObjects } from './open-ssl-objects.js'

const loaded = loadOpenSsl()
const skip = typeof loaded === 'string' && loaded
const batch = batchTransport()

t.test('OpenSSL is called where native code is', async t => {
  if (typeof batch === 'string') t.comment(batch)
  t.type(loaded, typeof batch === 'string' ? 'string' : 'object')
})

t.test('this version passes, and everything is freed', { skip }, async t => {
  const { contexts, connections } = openSslObjects(t)
  t.equal(openSslProblem(loaded as OpenSsl), undefined)
  t.strictSame([contexts.size, connections.size], [0, 0])
})

t.test('versions that nobody has tried are not called', { skip }, async t => {
  const problemOf = (version: number): string | undefined => {
    const openSsl = { ...(loaded as OpenSsl), version }
    return openSslProblem(openSsl, () => undefined)
  }
  t.match(problemOf(0x101010b0), /^OpenSSL 1\.1\.11 of Node\.js v[\d.]+ is too old/)
  t.equal(problemOf(0x30000000), undefined)
  t.equal(problemOf(0x305000f0), undefined)
  t.match(problemOf(0x30600010), /^OpenSSL 3\.6\.1 of Node\.js v[\d.]+ is newer than any/)
  t.match(problemOf(0x40000000), /^OpenSSL 4\.0\.0 .* newer/)
})

/** What another OpenSSL could do, and what the check says of it. */
const OTHERS: Readonly<Record<string, [(openSsl: OpenSsl) => Partial<OpenSsl>, RegExp]>> = {
  'a structure is another one': [
    ({ bioMemory }) => ({
      bioMemory(...args) {
        const result = bioMemory(...args)
        const pointer = args[3] as Buffer
        pointer.writeBigUInt64LE(pointer.readBigUInt64LE() + 8n)
        return result
      }
    }),
    /buf_mem_st/
  ],
  'options are ignored': [() => ({ setOptions: () => 0 }), /options/],
  'a command does something else': [() => ({ contextValue: () => 0 }), /lowest version/],
  'a command fails': [
    () => ({
      controlContextWith() {
        throw new OpenSslError('SSL_CTX_ctrl: failed with 0')
      }
    }),
    /SSL_CTX_ctrl: failed with 0$/
  ],
  'sessions are not resumed': [() => ({ setSession: () => 0 }), /session is set/],
  'ALPN is ignored': [() => ({ requestAlpn: () => 0 }), /ALPN chooses/],
  'a server name is lost': [() => ({ setServerName: () => 1 }), /server name/],
  'anybody is trusted': [() => ({ verifyResult: () => 0 }), /unknown authority/],
  'a failure is of another kind': [
    ({ read }) => ({ read: (...args) => Math.max(FAILED.protocol, read(...args)) }),
    /records are read to the end/
  ],
  'an end looks like an error': [
    ({ read }) => ({
      read(...args) {
        const result = read(...args)
        return result === FAILED.closed ? FAILED.protocol : result
      }
    }),
    /an end/
  ],
  'a broken record is read': [
    ({ read }) => ({
      read(...args) {
        const result = read(...args)
        return result === FAILED.protocol ? 5 : result
      }
    }),
    /broken record/
  ]
}

for (const [name, [changes, message]] of Object.entries(OTHERS)) {
  t.test(`the check notices that ${name}`, { skip }, async t => {
    const openSsl = loaded as OpenSsl
    const { contexts, connections } = openSslObjects(t)
    const problem = openSslProblem({ ...openSsl, ...changes(openSsl) })
    t.match(
      problem,
      /^OpenSSL 3\.\d+\.\d+ of Node\.js v[\d.]+ does not pass the check at the start: /
    )
    t.match(problem, message)
    t.strictSame([contexts.size, connections.size], [0, 0], 'everything is freed')
  })
}

t.test('a defect of the check itself is no property of OpenSSL', { skip }, async t => {
  const fail = (): never => {
    throw new TypeError('a defect')
  }
  t.throws(() => openSslProblem(loaded as OpenSsl, fail), TypeError)
  t.doesNotThrow(() => checkOpenSsl(loaded as OpenSsl))
})
