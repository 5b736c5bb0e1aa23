import t from 'tap'
import { BatchSocket } from '../../src/wire/sockets/batch/batch-socket.js'
import type { BoundSocket } from '../../src/wire/sockets/batch/bind-socket.js'
import { DescriptorTable } from '../../src/base/system/descriptor-table.js'
import { AF_INET, MSG_ERRQUEUE, type System } from '../../src/base/system/linux.js'
import { BATCH } from '../../src/wire/sockets/batch/message-buffers.js'
import { SendBuffers } from '../../src/wire/sockets/batch/send-buffers.js'
import { Tick } from '../../src/wire/sockets/batch/tick.js'
import { turns } from './client.js'

const EAGAIN = 11

/**
 * A system under a flood of errors: the error queue never empties, so every other receive call
 * fails, and one answer can be received in between.
 */
function floodedSystem(): { system: System; poll: () => void; answers: number; errors: number } {
  let readable: (failed: boolean) => void = () => undefined
  let isErrorPending = true
  const state = { answers: 1, errors: 0 }
  const system = {
    eagain: EAGAIN,
    errno: () => (isErrorPending ? 111 : EAGAIN),
    map: (octets: number) => ({ buffer: new ArrayBuffer(octets), address: 4096 }),
    poll(_: number, callback: typeof readable) {
      readable = callback
      return { start: () => undefined, stop: () => undefined, close: () => undefined }
    },
    close: () => 0,
    recvmmsg(_: number, __: number, count: number, flags: number) {
      if (flags === MSG_ERRQUEUE) {
        state.errors += count
        isErrorPending = false
        return count
      }
      isErrorPending = !isErrorPending
      return isErrorPending || state.answers === 0 ? -1 : state.answers--
    }
  } as unknown as System
  return Object.assign(state, { system, poll: () => readable(true) })
}

t.test('a flood of errors delays neither answers nor other work', async t => {
  const flood = floodedSystem()
  const { system } = flood
  const { poll } = system
  const context = { system, tick: new Tick(), descriptors: new DescriptorTable(), poll }
  const open: BoundSocket = {
    fd: 5,
    family: AF_INET,
    local: { address: '0.0.0.0', port: 9 },
    packetInfo: false
  }
  const [got, lost]: [number[], number[]] = [[], []]
  const socket = new BatchSocket(
    context,
    open,
    new SendBuffers(system, AF_INET, false),
    ({ count }) => got.push(count),
    ({ count }) => lost.push(count)
  )
  t.teardown(() => socket.close())
  for (let turn = 1; turn <= 3; turn++) {
    flood.answers = 1
    flood.poll()
    flood.poll()
    await turns(2)
    t.equal(got.length, turn, 'the answer is taken')
    t.ok(flood.errors > 0 && flood.errors <= 4 * BATCH, 'some errors, and no more')
    flood.errors = 0
  }
  t.ok(lost.every(count => count === BATCH))
})
