import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Milliseconds } from '../base/units.js'

/** As long as a start may take between the probe and the last socket, on a machine under load. */
const TIMEOUT: Milliseconds = 10_000
const RETRY_INTERVAL: Milliseconds = 20

/**
 * Waits until no other process is about to listen on one of these ports, and keeps others waiting
 * until `release`. Two that start at the same instant would both find the port free and then, by
 * SO_REUSEPORT, share it, each with half of the clients; so they probe and bind in turns.
 *
 * The turn is an abstract Unix socket (unix(7)): it is the kernel's, seen by whoever sees the port
 * (the network namespace), and gone with its process. Since anybody may bind its name, nobody
 * waits for ever: after `patience` we go on without, as where there are no such sockets.
 */
export async function acquireStartLock(
  ports: readonly number[],
  patience = TIMEOUT
): Promise<{ release(): void }> {
  const held: (() => void)[] = []
  // In one order for all, so that no two wait for each other.
  const wanted = [...new Set(ports)].filter(port => port !== 0).sort((a, b) => a - b)
  for (const port of process.platform === 'linux' ? wanted : []) {
    const release = await lockPort(port, performance.now() + patience)
    if (release !== undefined) held.push(release)
  }
  return { release: () => held.forEach(release => release()) }
}

async function lockPort(port: number, until: Milliseconds): Promise<(() => void) | undefined> {
  for (;;) {
    const taken = await tryLockPort(port)
    if (typeof taken === 'function') return taken
    if (taken !== 'EADDRINUSE' || performance.now() >= until) return undefined
    await sleep(RETRY_INTERVAL)
  }
}

/** How to let go of it, or why it could not be taken. */
function tryLockPort(port: number): Promise<(() => void) | string | undefined> {
  const server = createServer(socket => socket.destroy())
  return new Promise(resolve => {
    server.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code))
    server.listen(`\0interdict-start:${port}`, () => resolve(() => void server.close()))
  })
}
