import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { setPriority } from 'node:os'
import { serialize } from 'node:v8'
import { failure, InterdictError, type ErrorCode } from '../../base/errors/error.js'
import { MS_PER_SECOND, type Milliseconds, type Octets } from '../../base/units.js'
import type { Config } from '../config/config.js'

/** What commands may take of the machine that answers queries. */
export interface CommandLimits {
  readonly concurrent: number
  readonly time: Milliseconds
  /** For DuckDB. */
  readonly memory: Octets
  readonly output: Octets
  /** Heap of the command in MB: it formats what DuckDB has found. */
  readonly heap: number
}

export const COMMAND_LIMITS: CommandLimits = {
  concurrent: 2,
  // Not what a command needs, but what a busy machine may take for it: it also ends when the client disconnects.
  time: 600 * MS_PER_SECOND,
  memory: 256 * 2 ** 20,
  output: 32 * 2 ** 20,
  heap: 128
}

/**
 * People wait for these commands, few at a time: below the threads that answer queries, but with a third of their share of a
 * busy core. At 19 it would be a seventieth.
 */
const NICE = 5

const MAX_STDERR: Octets = 64 * 1024

/**
 * Runs commands of this program that read the query log or rules, each in a process of its own at a lower
 * priority, which is killed if it takes too long or nobody waits for it any more. They get the settings in force, so
 * that they work as well while the settings file has errors.
 */
export class CommandRunner {
  private running = 0

  /**
   * @param program path of the program
   * @param config the settings in force
   */
  constructor(
    private readonly program: string,
    private readonly config: () => Config,
    private readonly limits = COMMAND_LIMITS
  ) {}

  /**
   * @param signal aborted when nobody waits for the result
   * @param isFinding exit code 1 reports a result, not an error, as with `diff`
   * @returns the JSON that the command prints
   * @throws InterdictError API_BUSY, API_COMMAND_TIME, API_COMMAND, API_REQUEST, and the codes of the command
   */
  async run(words: readonly string[], signal: AbortSignal, isFinding = false): Promise<unknown> {
    const { concurrent } = this.limits
    if (this.running >= concurrent) throw failure('API_BUSY', `${concurrent} questions to the log`)
    this.running++
    try {
      return await this.spawn(words, signal, isFinding)
    } finally {
      this.running--
    }
  }

  private spawn(
    words: readonly string[],
    signal: AbortSignal,
    isFinding: boolean
  ): Promise<unknown> {
    const { program, limits } = this
    const config = this.config()
    const { file } = config
    const given = existsSync(file) ? ['-c', file] : []
    const args = [`--max-old-space-size=${limits.heap}`, program, ...given, ...words]
    const child = spawn(process.execPath, args, {
      cwd: dirname(file),
      env: {
        ...{ ...process.env, NODE_OPTIONS: '', INTERDICT_SETTINGS: 'stdin' },
        INTERDICT_QUERY_MEMORY: String(limits.memory)
      },
      stdio: 'pipe'
    })
    // A command that needs no settings may end before it has read them.
    child.stdin.on('error', () => undefined).end(serialize(config))
    return new Promise((resolve, reject) => {
      let error: InterdictError | undefined
      const stop = (reason: InterdictError): void => {
        error ??= reason
        child.kill('SIGKILL')
      }
      const timer = setTimeout(() => stop(failure('API_COMMAND_TIME', limits.time)), limits.time)
      const onAbort = (): void => stop(failure('API_COMMAND', 'the client has disconnected'))
      if (signal.aborted) onAbort()
      signal.addEventListener('abort', onAbort)
      const output: Buffer[] = []
      let size = 0
      child.stdout.on('data', (part: Buffer) => {
        size += part.length
        if (size <= limits.output) output.push(part)
        else stop(failure('API_COMMAND', `more than ${limits.output} bytes; ask for less`))
      })
      let text = ''
      child.stderr.setEncoding('utf8').on('data', (part: string) => {
        text = (text + part).slice(-MAX_STDERR)
      })
      child.on('spawn', () => lowerPriority(child.pid!))
      child.on('error', ({ message }) => stop(failure('API_COMMAND', message)))
      child.on('close', code => {
        clearTimeout(timer)
        signal.removeEventListener('abort', onAbort)
        const isFound = isFinding && code === 1 && size > 0
        if (error === undefined && code !== 0 && !isFound) error = errorIn(text)
        if (error !== undefined) reject(error)
        else resolve(JSON.parse(Buffer.concat(output).toString()))
      })
    })
  }
}

function lowerPriority(process: number): void {
  try {
    setPriority(process, NICE)
  } catch {
    // It has ended already.
  }
}

/** The last line of an error: `message (CODE)`, or `error: message` for a wrong argument. */
function errorIn(text: string): InterdictError {
  const last = text.trimEnd().split('\n').at(-1) ?? ''
  const [, usage] = /^error: (.*)/.exec(last) ?? []
  if (usage !== undefined) return failure('API_REQUEST', usage)
  const [, message, code] = /^(.*) \(([A-Z_]+)\)$/.exec(last) ?? []
  return code === undefined
    ? failure('API_COMMAND', last)
    : new InterdictError(code as ErrorCode, message!)
}
