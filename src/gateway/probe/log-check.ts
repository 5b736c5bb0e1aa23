import { open } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Milliseconds, Octets } from '../../base/units.js'
import type { QueryLogConfig } from '../../lookups/settings/query-log-config.js'

/** How much of the end of the file is read. */
const TAIL: Octets = 262_144
/** The recorder writes later when there is much to write, or while the disk is slow. */
const WAITS: readonly Milliseconds[] = [500, 1_000, 3_000, 6_000]
const PROBE_LINE = /"time":"([^"]+)".*"verdict":"probe"/

/**
 * Whether probes since `since`, wall-clock time, are in the query log. Read from the file itself: what the gateway
 * counts as written may not be there.
 *
 * @returns what is wrong; undefined: nothing, or it cannot be known, as the file is a pipe or was just rotated
 */
export async function checkLog(
  { path, flush }: Pick<QueryLogConfig, 'path' | 'flush'>,
  since: Milliseconds
): Promise<string | undefined> {
  for (const wait of WAITS) {
    await sleep(flush + wait)
    const found = await findProbe(path, since)
    if (found !== false) return undefined
  }
  return `no probe since ${new Date(since).toISOString()} is in ${path}`
}

/** Undefined: unknown. */
async function findProbe(path: string, since: Milliseconds): Promise<boolean | undefined> {
  try {
    const file = await open(path, 'r')
    try {
      const { size, birthtimeMs } = await file.stat()
      const from = Math.max(0, size - TAIL)
      const buffer = Buffer.alloc(size - from)
      const { bytesRead } = await file.read(buffer, 0, buffer.length, from)
      const lines = buffer.toString('latin1', 0, bytesRead).split('\n')
      const times = lines.flatMap(line => PROBE_LINE.exec(line)?.[1] ?? [])
      if (times.some(time => Date.parse(time) >= since)) return true
      // The file was begun since, or so much was written since that the probes are further up.
      const first = /"time":"([^"]+)"/.exec(lines[1] ?? '')?.[1]
      const isAllNewer = from > 0 && first !== undefined && Date.parse(first) >= since
      return isAllNewer || birthtimeMs > since ? undefined : false
    } finally {
      await file.close()
    }
  } catch {
    // A pipe, or no file: the recorder says so itself.
    return undefined
  }
}
