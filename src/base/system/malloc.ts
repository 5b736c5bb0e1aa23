import type { Octets } from '../units.js'
import { loadKoffi } from './linux.js'

/** malloc.h */
const M_TRIM_THRESHOLD = -1
const M_MMAP_THRESHOLD = -3
const M_ARENA_MAX = -8

/** Compiled rules exceed this from about 50,000 names; nothing allocated for a query does. */
const LARGE_BLOCK: Octets = 1024 * 1024

/**
 * Makes glibc allocate each large block with mmap, so that freed memory returns to the system at
 * once. By default glibc raises its mmap threshold with every large block that is freed, up to 32 MB
 * (mallopt(3), M_MMAP_THRESHOLD), and replaced rules stay resident: 40 MB for a million names.
 *
 * @param arenas for all threads together; by default glibc has up to eight for each core, each with memory of its own
 *
 * Applies to the whole process. Without glibc or koffi this does nothing.
 */
export function mmapLargeBlocks(arenas?: number): void {
  if (process.platform !== 'linux') return
  try {
    const libc = loadKoffi().load(null)
    const mallopt: (option: number, value: number) => number = libc.func(
      'int mallopt(int option, int value)'
    )
    mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK)
    // Twice the mmap threshold: the ratio that glibc uses when it adjusts both itself.
    mallopt(M_TRIM_THRESHOLD, 2 * LARGE_BLOCK)
    if (arenas !== undefined) mallopt(M_ARENA_MAX, arenas)
  } catch {
    return
  }
}
