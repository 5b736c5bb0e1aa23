import { writeFileSync } from 'node:fs'

/**
 * Names this process in lists such as those of ps, ss and systemd, where it would be `node` or `MainThread`. The command
 * line remains. Called by the main thread; without effect where the system has no such file.
 */
export function nameProcess(name: string): void {
  try {
    writeFileSync('/proc/self/comm', name)
  } catch {
    return
  }
}
