import { readdirSync, readFileSync } from 'node:fs'
import { table } from '../../bench/kit/markdown.js'
import type { Octets } from '../../src/base/units.js'

const MB = 2 ** 20

/** Memory of a process over the work that it did. */
export class Curve {
  private readonly points: { readonly done: number; readonly octets: Octets }[] = []

  /** @param done of what the curve is over: messages, connections, seconds */
  add(done: number, octets: Octets): void {
    this.points.push({ done, octets })
  }

  /** How much more there is in the last fifth, at the median, than just after `done`. */
  growthAfter(done: number): Octets {
    const after = this.points.filter(point => point.done >= done)
    const part = Math.max(1, Math.floor(after.length / 5))
    return median(after.slice(-part)) - median(after.slice(0, part))
  }

  /** @param what the name of what was done @param measured what the octets are */
  show(what: string, measured = 'RSS in MB'): string {
    const rows = this.points.map(({ done, octets }) => [String(done), (octets / MB).toFixed(1)])
    return table([what, measured], rows)
  }
}

function median(points: readonly { readonly octets: Octets }[]): Octets {
  const sorted = points.map(({ octets }) => octets).sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}

/** Resident memory of one process. Needs /proc. */
export function residentMemory(pid: number): Octets {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) * 1024
}

/** Descriptors that a process has open. Needs /proc. */
export function descriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length
}
