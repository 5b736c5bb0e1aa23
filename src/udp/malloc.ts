import type { Octets } from '../base/units.js'
import { loadKoffi } from './batch/linux.js'

/** malloc.h */
const M_TRIM_THRESHOLD = -1
const M_MMAP_THRESHOLD = -3

/** What holds the rules is larger from some 50,000 names on; nothing that a query needs is. */
const LARGE_BLOCK: Octets = 1024 * 1024

/**
 * Has glibc map each large block by itself, so that it is the system's again as soon as it is free. Left
 * alone, glibc takes every large block that is freed for a reason to keep such ones, up to 32 MB each
 * (mallopt(3), M_MMAP_THRESHOLD), and rules that were replaced stay resident: 40 MB for a million names.
 *
 * It holds for the whole process, whoever calls. Without glibc, or koffi, all stays as it is.
 */
export function mmapLargeBlocks(): void {
  if (process.platform !== 'linux') return
  try {
    const libc = loadKoffi().load(null)
    const mallopt: (option: number, value: number) => number = libc.func(
      'int mallopt(int option, int value)'
    )
    mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK)
    // Twice that one, as glibc has it where it chooses both.
    mallopt(M_TRIM_THRESHOLD, 2 * LARGE_BLOCK)
  } catch {
    return
  }
}
