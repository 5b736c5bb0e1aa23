import { getPriority } from 'node:os'
import { loadKoffi } from './linux.js'

/** Number of the system call by architecture: asm-generic/unistd.h, arch/x86/entry/syscalls/syscall_64.tbl. */
const SCHED_SETATTR: Readonly<Record<string, number>> = { arm64: 274, x64: 314 }
/** struct sched_attr up to sched_period: linux/sched/types.h, SCHED_ATTR_SIZE_VER0. */
const ATTRIBUTES_SIZE = 48
/** linux/sched.h */
const SCHED_FLAG_KEEP_POLICY = 0x08n
/** In nanoseconds, the shortest that Linux has for a thread without a real-time policy. */
const SHORTEST_SLICE = 100_000n

/**
 * Asks Linux for short time slices for this thread (sched_setattr(2)), so that a query need not wait until another
 * thread on the same core has used up a longer one: a thread with shorter slices interrupts others when it wakes
 * up. Its share of the core stays the same. Before Linux 6.12 it has no effect.
 */
export function takeShortSlices(): void {
  const number = SCHED_SETATTR[process.arch]
  if (process.platform !== 'linux' || number === undefined) return
  const attributes = Buffer.alloc(ATTRIBUTES_SIZE)
  attributes.writeUInt32LE(ATTRIBUTES_SIZE, 0)
  attributes.writeBigUInt64LE(SCHED_FLAG_KEEP_POLICY, 8)
  attributes.writeInt32LE(getPriority(), 16)
  attributes.writeBigUInt64LE(SHORTEST_SLICE, 24)
  try {
    // Variadic in C; with these arguments the calling conventions of both architectures do not differ.
    const call: (number: number, thread: number, attributes: Buffer, flags: number) => number =
      loadKoffi()
        .load(null)
        .func('long syscall(long number, long thread, void *attributes, long flags)')
    call(number, 0, attributes, 0)
  } catch {
    return
  }
}
