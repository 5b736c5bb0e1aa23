import { constants } from 'node:os'
import t from 'tap'
import { nodeBindError } from '../../src/wire/sockets/port.js'

const { EADDRINUSE, EACCES } = constants.errno

/** An error as Node reports it for a failed system call. */
const nodeError = (code: string, errno: number): NodeJS.ErrnoException =>
  Object.assign(new Error(`bind ${code}`), { code, errno: -errno })

const cases = [
  {
    it: 'a port in use',
    error: nodeError('EADDRINUSE', EADDRINUSE),
    code: 'SOCKET_BIND',
    words: 'cannot listen on [::1]:53: address already in use'
  },
  {
    it: 'a port that needs permission',
    error: nodeError('EACCES', EACCES),
    code: 'SOCKET_PERMISSION',
    words: 'CAP_NET_BIND_SERVICE'
  },
  { it: 'anything else', error: new Error('it rains'), code: 'SOCKET_BIND', words: 'it rains' }
] as const

for (const { it, error, code, words } of cases) {
  t.test(`${it} is ${code}`, async t => {
    const failed = nodeBindError({ address: '::1', port: 53 }, error)
    t.match(failed, { code })
    t.ok(failed.message.includes(words), failed.message)
  })
}
