import { readdirSync, readFileSync } from 'node:fs'

/** How often processes are looked for. */
const EVERY_MS = 50

/** Stops each command process of a gateway, so that commands take as long as a test wants. */
export class HaltedCommands {
  private readonly stopped = new Set<number>()
  private readonly timer = setInterval(() => this.stopAll(), EVERY_MS)

  constructor(private readonly gateway: number) {}

  /** Lets them go on. Later ones are not stopped. */
  release(): void {
    clearInterval(this.timer)
    for (const pid of this.stopped) signal(pid, 'SIGCONT')
  }

  private stopAll(): void {
    for (const pid of commandsOf(this.gateway)) {
      if (!this.stopped.has(pid) && signal(pid, 'SIGSTOP')) this.stopped.add(pid)
    }
  }
}

function commandsOf(gateway: number): readonly number[] {
  try {
    const tasks = `/proc/${gateway}/task`
    return readdirSync(tasks)
      .flatMap(task => readFileSync(`${tasks}/${task}/children`, 'latin1').trim().split(' '))
      .filter(pid => pid !== '' && isCommand(pid))
      .map(Number)
  } catch {
    // A thread or a process has ended meanwhile.
    return []
  }
}

const isCommand = (pid: string): boolean =>
  readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('command-main')

function signal(pid: number, name: 'SIGSTOP' | 'SIGCONT'): boolean {
  try {
    return process.kill(pid, name)
  } catch {
    // It has ended.
    return false
  }
}
