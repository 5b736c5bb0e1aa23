import { constants, setPriority } from 'node:os'

/**
 * Lowers the priority of this thread. A reload is not urgent, but on a machine without a spare core
 * every query would wait for a thread that computes for a second. On Linux setpriority affects only the
 * calling thread (setpriority(2), "C library/kernel differences"); elsewhere it affects the process.
 */
export function yieldToWorkers(): void {
  if (process.platform === 'linux') setPriority(0, constants.priority.PRIORITY_LOW)
}
