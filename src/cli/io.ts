import type { Octets } from '../base/units.js'

/** A signal that asks a command to end. */
export type EndSignal = 'SIGHUP' | 'SIGINT' | 'SIGTERM'

/** Where output goes. Only a terminal has columns. */
export interface OutputStream {
  readonly isTTY?: boolean
  readonly columns?: number | undefined
  /** @returns false when the stream is full: wait for `drain` before writing much more */
  write(text: string): boolean
  /** Writes octets that are used again when this resolves; undefined: `write` takes texts only. */
  readonly writeBlock?: ((block: Uint8Array) => Promise<void>) | undefined
  once(event: 'drain', listener: () => void): unknown
}

/** Everything a command uses of the process that runs it. */
export interface Io {
  readonly stdout: OutputStream
  readonly stderr: OutputStream
  readonly env: Readonly<Record<string, string | undefined>>
  /** Memory for DuckDB, in a process of the gateway, to which it also leaves the other cores. */
  readonly queryMemory?: Octets | undefined
  /** Reports the progress to the gateway, from 0 to 1; undefined: this is not one of its processes. */
  readonly onProgress?: ((done: number) => void) | undefined
  /** Asks the user at a terminal; undefined: there is none. */
  readonly ask?: ((question: string) => Promise<string>) | undefined
  /** @returns a function that removes the listener */
  onSignal(listener: (signal: EndSignal) => void): () => void
  /** Ends the process at once. Output that a slow reader has not taken yet is lost. */
  exit(code: number): void
}

const CODES = { bold: 1, red: 31, green: 32, yellow: 33 } as const
export type Colour = keyof typeof CODES

/** Sequences that `paint` writes. All other text is escaped before it gets here. */
const PAINTED = /\x1b\[(?:0|1|31|32|33)m/g

/**
 * Terminals that do not know their width, such as serial consoles, have that of the environment
 * variable COLUMNS.
 */
export function withColumns(io: Io): Io {
  const ofEnvironment = /^[1-9]\d{0,4}$/.test(io.env.COLUMNS ?? '')
    ? Number(io.env.COLUMNS)
    : undefined
  const sized = (stream: OutputStream): OutputStream => ({
    isTTY: stream.isTTY === true,
    get columns() {
      // 0: the kernel does not know it.
      if (stream.columns) return stream.columns
      return stream.isTTY === true ? ofEnvironment : undefined
    },
    write: text => stream.write(text),
    writeBlock: stream.writeBlock,
    once: (event, listener) => stream.once(event, listener)
  })
  return { ...io, stdout: sized(io.stdout), stderr: sized(io.stderr) }
}

/** Writes a value as JSON, the result of a command with `--json`. */
export function printJson(io: Io, value: object): void {
  io.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`)
}

/** Colours a text. `print` removes the colours where they are not wanted. */
export function paint(how: Colour, text: string): string {
  return `\x1b[${CODES[how]}m${text}\x1b[0m`
}

export function withoutColours(text: string): string {
  return text.replaceAll(PAINTED, '')
}

/**
 * Writes to standard output, in colour only on a terminal whose user has not set NO_COLOR
 * (https://no-color.org).
 *
 * @returns as `OutputStream.write`
 */
export function print({ stdout, env }: Io, text: string): boolean {
  const isColoured = stdout.isTTY === true && (env.NO_COLOR ?? '') === ''
  return stdout.write(isColoured ? text : withoutColours(text))
}
