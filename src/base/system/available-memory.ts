import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Octets } from '../units.js'

/** Memory that this process can still get before the kernel ends a process. */
export interface AvailableMemory {
  readonly octets: Octets
  /** The limit that is reached first, in words. */
  readonly limit: string
}

/** Names of files in a cgroup: cgroup-v1 memory.rst §2, cgroup-v2.rst "Memory Interface Files". */
const FILES = {
  1: {
    limit: 'memory.limit_in_bytes',
    usage: 'memory.usage_in_bytes',
    reclaimable: 'total_inactive_file'
  },
  2: { limit: 'memory.max', usage: 'memory.current', reclaimable: 'inactive_file' }
} as const
/** In v1, "no limit" is the largest page-aligned number. */
const NO_LIMIT: Octets = 2 ** 62
const MB: Octets = 1024 * 1024

/**
 * The least of what the limits of the process's cgroup and of all cgroups above it leave, and of what the machine has.
 * Files in the page cache that are not in use count as available.
 *
 * @param root folder with `proc` and `sys`, for tests
 * @returns undefined: not known, as on other systems than Linux
 */
export function availableMemory(root = '/'): AvailableMemory | undefined {
  const found = [...cgroups(root).flatMap(group => leftIn(group) ?? []), ...machine(root)]
  return found.sort((one, other) => one.octets - other.octets)[0]
}

interface Cgroup {
  readonly folder: string
  readonly version: 1 | 2
}

/** The cgroups with a memory controller that the process is in, with those above them. */
function cgroups(root: string): readonly Cgroup[] {
  return linesOf(join(root, 'proc/self/cgroup')).flatMap(line => {
    const [, controllers = '', path = '/'] = /^\d+:([^:]*):(.*)$/.exec(line) ?? []
    const isUnified = line.startsWith('0::')
    if (!isUnified && !controllers.split(',').includes('memory')) return []
    const version = isUnified ? 2 : 1
    const mounts = isUnified ? ['sys/fs/cgroup', 'sys/fs/cgroup/unified'] : ['sys/fs/cgroup/memory']
    return mounts.flatMap(mount =>
      pathsUp(path).map((up): Cgroup => ({ folder: join(root, mount, up), version }))
    )
  })
}

/** A path and all above it. In a container, some of them may be missing where they are mounted. */
function pathsUp(path: string): readonly string[] {
  return path === '/' || path === '.' ? ['/'] : [path, ...pathsUp(dirname(path))]
}

function leftIn({ folder, version }: Cgroup): AvailableMemory | undefined {
  const names = FILES[version]
  const limit = numberIn(join(folder, names.limit))
  const usage = numberIn(join(folder, names.usage))
  if (limit === undefined || usage === undefined || limit >= NO_LIMIT) return undefined
  const reclaimable = valueOf(linesOf(join(folder, 'memory.stat')), names.reclaimable)
  const octets = Math.max(0, limit - usage + (reclaimable ?? 0))
  return { octets, limit: `the memory limit of its cgroup, ${Math.round(limit / MB)} MB` }
}

/** proc_meminfo(5) */
function machine(root: string): readonly AvailableMemory[] {
  const lines = linesOf(join(root, 'proc/meminfo'))
  const available = valueOf(lines, 'MemAvailable:')
  const swap = valueOf(lines, 'SwapFree:') ?? 0
  if (available === undefined) return []
  return [{ octets: 1024 * (available + swap), limit: 'the memory of the machine' }]
}

/** `max`, and a file that does not exist: undefined. */
function numberIn(file: string): number | undefined {
  const [text = ''] = linesOf(file)
  return /^\d+$/.test(text) ? Number(text) : undefined
}

function valueOf(lines: readonly string[], name: string): number | undefined {
  const line = lines.find(one => one.startsWith(`${name} `) || one.startsWith(`${name}\t`))
  return line === undefined ? undefined : Number(/\d+/.exec(line.slice(name.length))?.[0])
}

function linesOf(file: string): readonly string[] {
  try {
    return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []
  } catch {
    return []
  }
}
