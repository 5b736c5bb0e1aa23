import { readFileSync } from 'node:fs'
import { DEFAULT_LIMITS } from '../../resolver/upstream/upstream-limits.js'

/** Address families, each with sockets of its own. */
const FAMILIES = 2
/** The rest is for clients over TCP, logs and rule files. */
const SHARE_OF_DESCRIPTORS = 1 / 4

/** Fewest sockets in each address family, however few descriptors there are. */
const MIN_SOCKETS = 32

/**
 * How many UDP sockets a worker may open in each address family for queries to upstreams, so that sockets of all
 * workers leave most descriptors to others.
 *
 * @param limit descriptors that the process may open
 */
export function upstreamSocketLimit(workers: number, limit: number): number {
  const share = Math.floor((limit * SHARE_OF_DESCRIPTORS) / workers / FAMILIES)
  return Math.min(DEFAULT_LIMITS.sockets, Math.max(MIN_SOCKETS, share))
}

/** The soft limit, which Node raises to the hard one at its start; Infinity: none, or unknown. */
export function descriptorLimit(file = '/proc/self/limits'): number {
  try {
    // `Max open files            20000                20000                files`
    const found = /^Max open files\s+(\d+)/m.exec(readFileSync(file, 'latin1'))
    return found === null ? Infinity : Number(found[1])
  } catch {
    return Infinity
  }
}
