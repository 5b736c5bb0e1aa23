import { setTimeout as sleep } from 'node:timers/promises'
import type { Blocklist } from './blocklist.js'
import { isInForce, type Server } from './server.js'

export interface Replacing {
  /** How often it was done so far. */
  readonly times: number
  /** Resolves to what is wrong, if anything. */
  stop(): Promise<string | undefined>
}

/** Two generations of the list in turns, until stopped; then waits for the last one to hold. */
export function replaceEverySecond(server: Server, first: Blocklist): Replacing {
  const lists = [first.next(), first] as const
  let stopped = false
  let times = 0
  const work = async (): Promise<string | undefined> => {
    for (let turn = 0; ; turn++) {
      const list = lists[turn & 1]!
      await server.launch.replace?.(list, server.process.pid)
      times++
      for (let i = 0; i < 10 && !stopped; i++) await sleep(100)
      if (!stopped) continue
      // Ends with the first generation, which is what the next scenario expects.
      await server.launch.replace?.(first, server.process.pid)
      for (let i = 0; i < 100; i++) {
        if (await isInForce(server.port, first)) return undefined
        await sleep(100)
      }
      return 'the last rules were not in force after 10 s'
    }
  }
  const done = work()
  return {
    get times() {
      return times
    },
    stop() {
      stopped = true
      return done
    }
  }
}
