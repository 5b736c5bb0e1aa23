import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Milliseconds } from '../../base/units.js'

/** Longest time between port probe and last bind during startup on a loaded machine. */
const TIMEOUT: Milliseconds = 10_000
const RETRY_INTERVAL: Milliseconds = 20

/**
 * Locks these ports against other processes that are starting up, until `release`; waits while
 * another process has the lock. Two processes that start at the same instant would both find a port
 * free and then share it through SO_REUSEPORT, each with half of the clients; with the lock they
 * probe and bind one after the other.
 *
 * The lock is an abstract Unix socket (unix(7)): visible in the same network namespace as the port,
 * and released by the kernel when its process ends. Because any process may bind its name, waiting
 * is limited: after `timeout` startup continues without the lock, as on systems without such sockets.
 */
export async function acquireStartLock(
  ports: readonly number[],
  timeout = TIMEOUT
): Promise<{ release(): void }> {
  const releases: (() => void)[] = []
  // All processes lock in the same order, so that no two wait for each other.
  const toLock = [...new Set(ports)].filter(port => port !== 0).sort((a, b) => a - b)
  for (const port of process.platform === 'linux' ? toLock : []) {
    const release = await lockPort(port, performance.now() + timeout)
    if (release !== undefined) releases.push(release)
  }
  return { release: () => releases.forEach(release => release()) }
}

/** As `acquireStartLock`, for one port and without waiting. @returns undefined: another process has the lock */
export async function tryStartLock(port: number): Promise<{ release(): void } | undefined> {
  const taken = process.platform === 'linux' ? await tryLockPort(port) : undefined
  if (taken === 'EADDRINUSE') return undefined
  return { release: typeof taken === 'function' ? taken : () => undefined }
}

async function lockPort(port: number, until: Milliseconds): Promise<(() => void) | undefined> {
  for (;;) {
    const taken = await tryLockPort(port)
    if (typeof taken === 'function') return taken
    if (taken !== 'EADDRINUSE' || performance.now() >= until) return undefined
    await sleep(RETRY_INTERVAL)
  }
}

/** The function that releases the lock, or the error code when it could not be taken. */
function tryLockPort(port: number): Promise<(() => void) | string | undefined> {
  const server = createServer(socket => socket.destroy())
  return new Promise(resolve => {
    server.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code))
    server.listen(`\0interdict-start:${port}`, () => resolve(() => void server.close()))
  })
}
