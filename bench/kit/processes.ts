import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Milliseconds } from '../../src/base/units.js'
import './signals.js'

/** A program that runs in the background, pinned to one core, in a process group of its own. */
export interface Running {
  readonly pid: number
  /** False once it has ended. */
  readonly alive: () => boolean
  /** Stops its clock, so that an idle server takes nothing from the one being measured. */
  pause(): void
  resume(): void
  /** Last lines of what it printed, for error messages. */
  tail(): string
  /** Asks, waits, insists. Never throws. */
  stop(): Promise<void>
}

const running = new Set<Running>()

/** How long a server may take to end by itself. */
const GRACE: Milliseconds = 3000

/** Before any command: the kernel ends it with this program, even if that is killed (prctl(2), PR_SET_PDEATHSIG). */
export const END_WITH_PARENT = ['setpriv', '--pdeathsig', 'KILL', '--'] as const

/** Starts a program; its output goes to `output`. */
export function start(
  command: readonly string[],
  options: { core: number; folder: string; output: string; env?: NodeJS.ProcessEnv }
): Running {
  const out = openSync(options.output, 'w')
  const pinned = ['taskset', '-c', String(options.core), ...command]
  const [program, ...words] = [...END_WITH_PARENT, ...pinned]
  const child = spawn(program, words, {
    cwd: options.folder,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', out, out],
    detached: true
  })
  closeSync(out)
  child.on('error', () => undefined) // shows as a program that is not alive
  const handle = handleOf(child, options.output)
  running.add(handle)
  return handle
}

function handleOf(child: ChildProcess, output: string): Running {
  const pid = child.pid ?? 0
  const alive = () => pid !== 0 && child.exitCode === null && child.signalCode === null
  const signal = (name: NodeJS.Signals) => {
    if (alive()) signalGroup(pid, name)
  }
  const handle: Running = {
    pid,
    alive,
    pause: () => signal('SIGSTOP'),
    resume: () => signal('SIGCONT'),
    tail: () => readFileSync(output, 'latin1').trimEnd().split('\n').slice(-5).join('\n'),
    stop: async () => {
      signal('SIGCONT')
      signal('SIGTERM')
      for (let waited = 0; alive() && waited < GRACE; waited += 20) await sleep(20)
      signal('SIGKILL')
      for (let waited = 0; alive() && waited < GRACE; waited += 20) await sleep(20)
      running.delete(handle)
    }
  }
  return handle
}

/** The group may be gone between the look and the signal. */
function signalGroup(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(-pid, name)
  } catch {
    return
  }
}

/** Ends all programs that run in the background, at once. */
export function killAll(): void {
  for (const { pid, alive } of running) if (alive()) signalGroup(pid, 'SIGKILL')
  running.clear()
}

// Registered before the folders of the programs are removed on exit (workshop.ts), so that no server writes there.
process.on('exit', killAll)

export interface Finished {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program to its end, or ends it after `limit`. Never throws; code 127: it is not there. */
export function run(
  command: readonly string[],
  options: { core?: number; folder?: string; limit?: Milliseconds; env?: NodeJS.ProcessEnv } = {}
): Promise<Finished> {
  const pinned =
    options.core === undefined ? command : ['taskset', '-c', String(options.core), ...command]
  const [program, ...words] = [...END_WITH_PARENT, ...pinned]
  const child = spawn(program, words, {
    cwd: options.folder,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: Math.ceil(options.limit ?? 60_000),
    killSignal: 'SIGKILL'
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString('latin1')))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString('latin1')))
  return new Promise(done => {
    child.on('error', error => done({ code: 127, stdout, stderr: error.message }))
    child.on('close', code => done({ code: code ?? 137, stdout, stderr }))
  })
}
