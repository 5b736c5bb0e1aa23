import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import {
  AF_UNIX,
  loadKoffi,
  loadSystem,
  SOCK_DGRAM,
  SOCK_NONBLOCK
} from '../../src/base/system/linux.js'
import { encodeUnixName } from '../../src/base/system/notify-socket.js'

const MAX_STATE = 4096

/** A folder for a socket: paths of sockets are short, and those of `t.testdir` are not. */
export function socketFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  return folder
}

/** The socket of a service manager: what it has received. */
export interface NotifyReceiver {
  /** All states so far, each with its lines. */
  states(): readonly (readonly string[])[]
  close(): void
}

/** Binds a datagram socket, in the file system or abstract (`@name`), as a service manager does. */
export function receiveNotifications(path: string): NotifyReceiver {
  const system = loadSystem()
  if (typeof system === 'string') throw new Error(system)
  const recv: (fd: number, buffer: Buffer, octets: number, flags: number) => number = loadKoffi()
    .load(null)
    .func('int64_t recv(int fd, void *buffer, size_t octets, int flags)')
  const fd = system.socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)
  const name = encodeUnixName(path)
  if (system.bind(fd, name, name.length) !== 0) throw new Error(system.errorText(system.errno()))
  const states: string[][] = []
  const buffer = Buffer.alloc(MAX_STATE)
  return {
    states: () => {
      for (let n = recv(fd, buffer, MAX_STATE, 0); n > 0; n = recv(fd, buffer, MAX_STATE, 0)) {
        states.push(buffer.toString('utf8', 0, n).split('\n'))
      }
      return states
    },
    close: () => void system.close(fd)
  }
}
