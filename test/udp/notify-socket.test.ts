import { join } from 'node:path'
import t from 'tap'
import { loadSystem } from '../../src/base/system/linux.js'
import { encodeUnixName, openNotifySocket } from '../../src/base/system/notify-socket.js'
import { receiveNotifications, socketFolder } from './notify-receiver.js'

const isAvailable = typeof loadSystem() !== 'string'

t.test('states arrive at a path and at an abstract name', { skip: !isAvailable }, async t => {
  for (const path of [join(socketFolder(t), 'notify'), `@interdict-test-${process.pid}`]) {
    const receiver = receiveNotifications(path)
    const notify = openNotifySocket(path)
    notify('READY=1\nSTATUS=ready')
    notify('STOPPING=1')
    t.strictSame(receiver.states(), [['READY=1', 'STATUS=ready'], ['STOPPING=1']], path)
    receiver.close()
    t.throws(() => notify('READY=1'), { code: 'NOTIFY_FAILED', message: /refused/ })
  }
})

t.test('other addresses are rejected', async t => {
  for (const path of ['notify', '@', '/', 'vsock:2:1', `/${'x'.repeat(107)}`]) {
    t.throws(() => openNotifySocket(path), { code: 'NOTIFY_FAILED' }, path)
  }
  t.equal(encodeUnixName(`/${'x'.repeat(106)}`).length, 110, 'the longest path, with its zero')
})
