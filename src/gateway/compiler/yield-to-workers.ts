import { constants, setPriority } from 'node:os'

/**
 * Nice value with which the compiler thread reads, compiles and tests changed rules. With the lowest priority a
 * changed ban waited for minutes where other programs kept all cores busy; with this one it gets a tenth of the
 * CPU time that each of them gets.
 */
export const RELOAD_PRIORITY = 10

/**
 * Lowers the priority of this thread. A reload is not urgent, but on a machine without a spare core
 * every query would wait for a thread that computes for a second. On Linux setpriority affects only the
 * calling thread (setpriority(2), "C library/kernel differences"); elsewhere it affects the process.
 *
 * @param priority a nice value
 */
export function yieldToWorkers(priority: number = constants.priority.PRIORITY_LOW): void {
  if (process.platform === 'linux') setPriority(0, priority)
}
