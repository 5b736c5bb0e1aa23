import { closeSync, constants, openSync } from 'node:fs'
import { pino } from 'pino'
import { createParentFolder } from '../../base/parent-folder.js'
import type { Octets } from '../../base/units.js'

/** What is kept for a disk that takes nothing just now; beyond that, lines are lost. */
const MAX_PENDING: Octets = 4 * 1024 * 1024
/** The log says who asked for what: not for everybody on the machine. */
const FILE_MODE = 0o640

/** The part of pino's destination that is used here. */
export interface Destination {
  /** In the file when it returns, or told otherwise by an event, or both for a part. */
  write(octets: Uint8Array): void
  on(event: 'error', listener: (error: Error) => void): void
  /** So many octets are in the file. */
  on(event: 'write', listener: (octets: Octets) => void): void
  /** `drop`: this whole write was refused, since `MOST_WAITING` octets wait already. */
  on(event: 'drop' | 'close', listener: () => void): void
  /** Opens the path anew and writes what waits. Throws when it cannot be opened. */
  reopen(): void
  flushSync(): void
  /** Closes the file, then `close` or `error`; what waits is gone. */
  destroy(): void
}

/** Opens a file for appending, its folder made where needed. Throws when it cannot. */
export type OpenDestination = (path: string) => Destination

/**
 * pino's destination, synchronous: the recorder's thread has nothing else to do, `write` tells at
 * once what became of the octets, and a block can be used again without a copy.
 */
export const openDestination: OpenDestination = path => {
  const destination = openWithoutBlocking(path, () =>
    pino.destination({
      dest: path,
      sync: true,
      append: true,
      mode: FILE_MODE,
      contentMode: 'buffer',
      maxLength: MAX_PENDING
    })
  )
  const reopen = destination.reopen.bind(destination)
  // pino's types know strings only; with contentMode `buffer` it takes octets and nothing else.
  return Object.assign(destination, {
    reopen: () => openWithoutBlocking(path, reopen)
  }) as unknown as Destination
}

/**
 * Opens a file that can be opened without waiting; throws where pino would wait: at a pipe that
 * nobody reads. Our own descriptor is there until pino's is, lest the reader see an end.
 */
function openWithoutBlocking<T>(path: string, open: () => T): T {
  createParentFolder(path)
  const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK } = constants
  const fd = openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, FILE_MODE)
  try {
    return open()
  } finally {
    closeSync(fd)
  }
}
