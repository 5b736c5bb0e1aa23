import { symlinkSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { portOwner } from '../../src/wire/sockets/port-owner.js'

const HEAD =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode'
const row = (local: string, state: string, uid: number, inode: number): string =>
  `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000 ${uid} 0 ${inode} 1\n`

t.test('a listener of this process', { skip: process.platform !== 'linux' }, async t => {
  const server = createServer().listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  t.match(portOwner(port), `(process ${process.pid})`)
})

t.test('the tables of /proc', async t => {
  const proc = t.testdir({
    net: {
      udp: `${HEAD}\n${row('3500007F:0035', '07', 101, 71)}${row('0100007F:14B4', '07', 0, 72)}`,
      tcp: `${HEAD}\n${row('0100007F:1F90', '01', 5, 73)}${row('0100007F:1F91', '0A', 5, 74)}`,
      udp6: `${HEAD}\n${row('00000000000000000000000000000000:14E9', '07', 7, 75)}`
    },
    '612': { comm: 'systemd-resolve\n', fd: {} },
    '613': { comm: 'other\n', fd: {} },
    '614': {
      comm: 'MainThread\n',
      cmdline: '/usr/bin/node\0--title=x\0/opt/bin/interdict.js\0serve\0',
      fd: {}
    },
    self: { comm: 'test\n' }
  })
  symlinkSync('socket:[71]', join(proc, '612/fd/12'))
  symlinkSync('/dev/null', join(proc, '612/fd/0'))
  symlinkSync('socket:[75]', join(proc, '614/fd/5'))
  symlinkSync('socket:[99]', join(proc, '613/fd/3'))
  t.equal(portOwner(53, false, proc), 'systemd-resolve (process 612)')
  t.equal(portOwner(5300, false, proc), 'a process of user id 0', 'its descriptors cannot be seen')
  t.equal(portOwner(5353, false, proc), 'interdict (process 614)')
  t.equal(portOwner(8080, false, proc), undefined, 'a connection does not listen')
  t.equal(portOwner(8081, false, proc), 'a process of user id 5')
  t.equal(portOwner(54, false, proc), undefined)
  t.equal(portOwner(53, true, proc), undefined, 'UDP alone')
  t.equal(portOwner(53, false, join(proc, 'nowhere')), undefined)
})
