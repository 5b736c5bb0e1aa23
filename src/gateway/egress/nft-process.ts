import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import type { Milliseconds } from '../../base/units.js'
import { TABLE, type NftCommand } from './nft-ruleset.js'

const TIMEOUT: Milliseconds = 10_000
const MAX_ERROR = 1_000
/** Process ids of transactions whose notice may still come. */
const MAX_OWN = 64
/** `nft monitor` is started again after this time, which doubles while it keeps ending. */
const RETRY: Milliseconds = 250
const MAX_RETRY: Milliseconds = 30_000

/** Programs of nftables, which run with the rights of the helper. */
export class NftProcesses {
  /** Those that the helper started: their changes are its own. */
  private readonly own = new Set<number>()
  private monitor: ChildProcessWithoutNullStreams | undefined
  private timer: NodeJS.Timeout | undefined
  private retry = RETRY
  private isClosed = false

  /** @param program path of nft */
  constructor(private readonly program: string) {}

  /** Applies commands in one transaction, by `nft -j -f -`. */
  readonly run = (commands: readonly NftCommand[]): Promise<void> => {
    return new Promise((done, fail) => {
      const child = spawn(this.program, ['-j', '-f', '-'], { timeout: TIMEOUT })
      this.remember(child.pid)
      let error = ''
      child.stderr.on('data', (chunk: Buffer) => {
        if (error.length < MAX_ERROR) error += chunk.toString()
      })
      child.stdout.resume()
      child.on('error', fail)
      child.on('close', (code, signal) => {
        if (code === 0) done()
        else fail(new Error(firstLine(error) ?? `nft ended with ${signal ?? code}`))
      })
      // One that ends early says why itself.
      child.stdin.on('error', () => undefined)
      child.stdin.end(JSON.stringify({ nftables: commands }))
    })
  }

  /**
   * Watches the rules of the machine.
   *
   * @param onForeign called when another process has changed the table, and when changes may have been missed
   */
  watch(onForeign: (what: string) => void): void {
    const child = spawn(this.program, ['monitor'])
    const started = performance.now()
    this.monitor = child
    const changes = new ForeignChanges(this.own, onForeign)
    child.stdout.on('data', (chunk: Buffer) => changes.read(chunk.toString()))
    child.stderr.resume()
    child.on('error', () => undefined)
    child.on('close', () => {
      if (this.isClosed) return
      const isBrief = performance.now() - started < MAX_RETRY
      this.retry = isBrief ? Math.min(2 * this.retry, MAX_RETRY) : RETRY
      this.timer = setTimeout(() => {
        this.watch(onForeign)
        onForeign('nft monitor has ended; changes may have been missed')
      }, this.retry)
    })
  }

  close(): void {
    this.isClosed = true
    clearTimeout(this.timer)
    this.monitor?.kill()
  }

  private remember(pid: number | undefined): void {
    if (pid === undefined) return
    const { own } = this
    own.add(pid)
    if (own.size > MAX_OWN) own.delete(own.values().next().value!)
  }
}

/** Finds transactions of other processes that change the table in the output of `nft monitor`. */
export class ForeignChanges {
  private rest = ''
  private change: string | undefined

  constructor(
    private readonly own: ReadonlySet<number>,
    private readonly onForeign: (what: string) => void
  ) {}

  read(text: string): void {
    const lines = `${this.rest}${text}`.split('\n')
    this.rest = lines.pop()!
    for (const line of lines) this.readLine(line)
  }

  /** A transaction ends with a line that names its process. */
  private readLine(line: string): void {
    const end = /^# new generation \d+(?: by process (\d+))?(?: \(([^)]*)\))?/.exec(line)
    if (end === null) {
      if (line.includes(` inet ${TABLE}`)) this.change ??= line.trim()
      return
    }
    const { change } = this
    this.change = undefined
    const [, pid, name = 'unknown'] = end
    if (change === undefined || this.own.has(Number(pid))) return
    this.onForeign(`${change} (process ${pid ?? 'unknown'}, ${name})`)
  }
}

function firstLine(text: string): string | undefined {
  return text
    .split('\n')
    .map(line => line.trim())
    .find(line => line !== '')
}
