import { closeSync } from 'node:fs'
import { loadKoffi } from './linux.js'

/** fcntl.h, x64 and arm64 */
const O_CLOEXEC = 0o2000000

/** A pipe within this process. */
export interface Pipe {
  /** Descriptors of both ends. */
  readonly reader: number
  readonly writer: number
  /** Opens the end to write to. */
  readonly path: string
}

/** Undefined where there is none: without Linux or koffi. */
export function openPipe(): Pipe | undefined {
  if (process.platform !== 'linux') return undefined
  try {
    const pipe2: (ends: Int32Array, flags: number) => number = loadKoffi()
      .load(null)
      .func('int pipe2(_Out_ int *ends, int flags)')
    const ends = new Int32Array(2)
    if (pipe2(ends, O_CLOEXEC) !== 0) return undefined
    const [reader, writer] = ends as unknown as [number, number]
    return { reader, writer, path: `/proc/self/fd/${writer}` }
  } catch {
    return undefined
  }
}

/** Closes a descriptor that may be closed already. */
export function closeQuietly(descriptor: number): void {
  try {
    closeSync(descriptor)
  } catch {
    // It is closed.
  }
}
