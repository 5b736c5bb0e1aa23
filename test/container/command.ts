import { execFile } from 'node:child_process'

/** How a command ended, and all that it said. A command that was ended by force has no code. */
export interface Ended {
  readonly code: number | undefined
  readonly text: string
}

interface Manner {
  /** Longest that it may take; then it is killed. */
  readonly seconds?: number
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
}

/** Runs a command to its end, whatever its exit code. */
export function attempt(
  command: string,
  args: readonly string[],
  { seconds = 60, ...manner }: Manner = {}
): Promise<Ended> {
  const options = { ...manner, timeout: seconds * 1000, maxBuffer: 64 << 20 }
  return new Promise(resolve => {
    execFile(command, args, { ...options, killSignal: 'SIGKILL' }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : undefined
      resolve({ code, text: stdout + stderr })
    })
  })
}

/** Runs a command that has to succeed; returns what it said. */
export async function run(
  command: string,
  args: readonly string[],
  manner?: Manner
): Promise<string> {
  const { code, text } = await attempt(command, args, manner)
  if (code === 0) return text
  throw new Error(`${[command, ...args].join(' ')} ended with ${String(code)}:\n${text}`)
}
