import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import type { Socket } from 'node:net'
import { dirname, join } from 'node:path'
import { setPriority } from 'node:os'
import { serialize } from 'node:v8'
import { failure, InterdictError, type ErrorCode } from '../../base/errors/error.js'
import type { Position } from '../../base/errors/position.js'
import { reasonOf } from '../../base/errors/reason.js'
import { NO_CODE_FROM_STRINGS, readerOptions } from '../../base/threads/isolation.js'
import { MS_PER_SECOND, type Milliseconds, type Octets } from '../../base/units.js'
import type { Config } from '../config/config.js'
import { CommandSlots } from './command-slots.js'
import { OUTPUT, readProgress } from './gateway-link.js'
import type { RequestName, RequestOf, ResultOf } from './requests.js'

/** What commands may take of the machine that answers queries. */
export interface CommandLimits {
  readonly concurrent: number
  /** Requests that wait for one of them to end. */
  readonly waiting: number
  /** Exports that run at once, besides: a slow client must not keep others from the log. */
  readonly exports: number
  /** Until a process is taken to hang: callers wait no longer than they want, and cancel jobs. */
  readonly time: Milliseconds
  /** For DuckDB. */
  readonly memory: Octets
  readonly output: Octets
  /** Heap of the command in MB: it formats what DuckDB has found. */
  readonly heap: number
}

export const COMMAND_LIMITS: CommandLimits = {
  concurrent: 2,
  waiting: 32,
  exports: 2,
  time: 6 * 3_600 * MS_PER_SECOND,
  memory: 256 * 2 ** 20,
  output: 32 * 2 ** 20,
  heap: 128
}

/**
 * People wait for most requests, few at a time: below the threads that answer queries, but with a quarter of a busy core.
 * At nice 19 they got no CPU in measurements.
 */
const NICE = 5
/** Nobody waits for scheduled reports: a tenth of a busy core, so that they end everywhere. At nice 19 they get none. */
const NICE_SCHEDULED = 10

const MAX_STDERR: Octets = 64 * 1024

/** In the folder of the program, which may have been started by a symbolic link. */
const MAIN = 'command-main.js'

/** Requests whose processes write nothing but temporary files. */
const READERS: ReadonlySet<RequestName> = new Set<RequestName>([
  ...([
    'query',
    'who',
    'export',
    'report',
    'replay',
    'explain',
    'bans',
    'check',
    'diff',
    'bundle verify'
  ] as const),
  ...(['rules history', 'rules show', 'rules file', 'rules diff'] as const)
])

/** The only message to a process: on its standard input, written by `v8.serialize`. */
export interface Job {
  /** The settings in force. */
  readonly settings: Config
  /** The settings file, if it exists. */
  readonly file?: string | undefined
  /** For DuckDB. */
  readonly memory: Octets
  readonly name: RequestName
  /** Validated by the process. */
  readonly request: unknown
}

/** Takes a block of an export. */
export type TakeOutput = (block: Buffer) => Promise<void>

/** What is known of a request that has not ended. */
export interface CommandProgress {
  readonly command: RequestName
  /** False: it waits for other requests to end. */
  readonly isRunning: boolean
  /** From 0 to 1; null: not known. */
  readonly done: number | null
}

/**
 * Runs requests that read the query log or rules in separate processes, at a lower priority: some at once, others wait. A
 * process is killed when nobody waits for its result any more, or the gateway ends. It receives the settings in force, so
 * that it also works while the settings file has errors.
 */
export class CommandRunner {
  private readonly slots: CommandSlots
  private readonly exportSlots: CommandSlots

  /**
   * @param program path of the program
   * @param config the settings in force
   */
  constructor(
    private readonly program: string,
    private readonly config: () => Config,
    private readonly limits = COMMAND_LIMITS
  ) {
    this.slots = new CommandSlots(limits.concurrent, limits.waiting)
    this.exportSlots = new CommandSlots(limits.exports, limits.waiting)
  }

  /**
   * @param check validates the result: `checkResult`, if the thread may load schemas
   * @param signal aborted when nobody waits for the result, with an InterdictError as the reason
   * @param take gets the output of an export block by block; the process waits for it
   * @throws InterdictError API_BUSY, API_COMMAND_TIME, API_COMMAND, API_REQUEST, the codes of the command, the reason of
   *   the signal, and what `take` throws
   */
  async run<Name extends RequestName>(
    name: Name,
    request: RequestOf<Name>,
    check: (result: unknown) => ResultOf<Name>,
    signal: AbortSignal,
    onProgress: (progress: CommandProgress) => void = () => undefined,
    take?: TakeOutput
  ): Promise<ResultOf<Name>> {
    const { limits, config } = this
    const slots = take === undefined ? this.slots : this.exportSlots
    const report = (isRunning: boolean, done: number | null = null): void =>
      onProgress({ command: name, isRunning, done })
    await slots.take(signal, () => report(false))
    try {
      report(true)
      const settings = config()
      const file = existsSync(settings.file) ? settings.file : undefined
      const job: Job = { settings, file, memory: limits.memory, name, request }
      return check(resultIn(await this.replyTo(job, signal, done => report(true, done), take)))
    } finally {
      slots.release()
    }
  }

  private replyTo(
    job: Job,
    signal: AbortSignal,
    onProgress: (done: number) => void,
    take: TakeOutput | undefined
  ): Promise<string> {
    const { limits } = this
    const child = this.start(job, take !== undefined)
    readProgress(child.stdio[3] as Socket, onProgress)
    return new Promise((resolve, reject) => {
      let error: InterdictError | undefined
      const stop = (reason: InterdictError): void => {
        error ??= reason
        child.kill('SIGKILL')
      }
      const taken = take && passOn(child.stdio[OUTPUT] as Socket, take).catch(stop)
      const timer = setTimeout(() => stop(failure('API_COMMAND_TIME', limits.time)), limits.time)
      const onAbort = (): void => stop(signal.reason as InterdictError)
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
      child.on('spawn', () =>
        lowerPriority(child.pid!, job.name === 'reports run' ? NICE_SCHEDULED : NICE)
      )
      child.on('error', ({ message }) => stop(failure('API_COMMAND', message)))
      child.on('close', (code, killedBy) => {
        clearTimeout(timer)
        signal.removeEventListener('abort', onAbort)
        if (code !== 0) error ??= failure('API_COMMAND', lastLine(text) || `${killedBy ?? code}`)
        void Promise.resolve(taken).then(() => {
          if (error !== undefined) reject(error)
          else resolve(Buffer.concat(output).toString())
        })
      })
    })
  }

  private start(job: Job, hasOutput: boolean): ChildProcessWithoutNullStreams {
    const child = spawn(
      process.execPath,
      [
        `--max-old-space-size=${this.limits.heap}`,
        ...(READERS.has(job.name) ? readerOptions() : [NO_CODE_FROM_STRINGS]),
        mainOf(this.program)
      ],
      {
        cwd: dirname(job.settings.file),
        env: { ...process.env, NODE_OPTIONS: '' },
        // The fourth is the connection by which a process knows that the gateway has ended.
        stdio: ['pipe', 'pipe', 'pipe', 'pipe', ...(hasOutput ? (['pipe'] as const) : [])]
      }
    )
    // It may end before it has read the message.
    child.stdin.on('error', () => undefined).end(serialize(job))
    return child
  }
}

/** Passes on all that a process writes; it waits while `take` does. */
async function passOn(from: Socket, take: TakeOutput): Promise<void> {
  try {
    for await (const block of from) await take(block as Buffer)
  } finally {
    from.destroy()
  }
}

/** @throws InterdictError API_COMMAND */
function mainOf(program: string): string {
  try {
    return join(dirname(realpathSync(program)), MAIN)
  } catch (error) {
    throw failure('API_COMMAND', `${program}: ${reasonOf(error)}`)
  }
}

function lowerPriority(process: number, nice: number): void {
  try {
    setPriority(process, nice)
  } catch {
    // It has ended already.
  }
}

/** Human-readable reason why a process died. */
const lastLine = (text: string): string => text.trimEnd().split('\n').at(-1)!

/** The only message of a process, on its standard output. */
type Reply = Partial<{
  readonly result: unknown
  readonly error: Partial<{
    readonly code: ErrorCode
    readonly message: string
    readonly position: Position
  }> | null
}> | null

/** @throws InterdictError the error of the process; API_COMMAND */
function resultIn(text: string): unknown {
  const reply = parsed(text)
  if (reply?.result !== undefined) return reply.result
  const { code, message, position } = reply?.error ?? {}
  if (typeof code !== 'string' || !CODE.test(code) || typeof message !== 'string')
    throw failure('API_COMMAND', 'invalid reply: neither a result nor an error')
  throw new InterdictError(code, message, position && { position })
}

const CODE = /^[A-Z][A-Z\d_]*$/

function parsed(text: string): Reply {
  try {
    return JSON.parse(text) as Reply
  } catch {
    throw failure('API_COMMAND', 'invalid reply: not JSON')
  }
}
