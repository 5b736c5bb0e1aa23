import { loadKoffi, type System } from '../../../base/system/linux.js'
import type { Octets } from '../../../base/units.js'
import {
  CONNECTION_FUNCTIONS,
  FUNCTIONS,
  QUEUE_FUNCTIONS,
  SYSTEM_FUNCTIONS,
  TEXT_FUNCTIONS,
  type Rule
} from './openssl-functions.js'

type Argument = number | bigint | string | Buffer | null
type Call = (...args: Argument[]) => number
type Calls<Table> = Record<keyof Table, Call>

/** What `handshake`, `read`, `write` and `shutdown` return when they fail: the negative of SSL_get_error. */
export const FAILED = { protocol: -1, wantRead: -2, closed: -6 } as const
/** Room for the text of an error: ERR_error_string_n. */
const ERROR_SIZE: Octets = 256

/** A call of OpenSSL that failed. */
export class OpenSslError extends Error {}

/** Called from OpenSSL with addresses and numbers; its results are OpenSSL's. */
type Callback = (...args: number[]) => number

/**
 * OpenSSL for one thread, which has one queue of errors for all its connections: SSL_get_error reads the queue, so one
 * connection's error would end the next one. Each call therefore begins with an empty queue and leaves it empty, and
 * each result is checked.
 */
export interface OpenSsl
  extends
    Calls<typeof FUNCTIONS>,
    Calls<typeof CONNECTION_FUNCTIONS>,
    Calls<typeof SYSTEM_FUNCTIONS> {
  readonly system: System
  /** As OPENSSL_VERSION_NUMBER. */
  readonly version: number
  /** Why the last call failed, in OpenSSL's words; undefined: it does not say. */
  lastError(): string | undefined
  /** The server name that a client has sent; null: none. */
  serverName(connection: number, type: number): string | null
  /** What `verifyResult` means. */
  describeVerification(result: number): string
  /**
   * Makes a function callable from OpenSSL, for the life of the thread.
   *
   * @param prototype in C
   * @param onThrow its result if `run` throws, since OpenSSL knows no exceptions
   */
  callback(prototype: string, onThrow: number, run: Callback): bigint
}

/** Finds the functions. @throws whatever the loader throws */
export function bindOpenSsl(system: System): OpenSsl {
  const koffi = loadKoffi()
  const program = koffi.load(null)
  const bind = <Table extends Readonly<Record<string, string>>>(table: Table): Calls<Table> => {
    const calls = Object.entries(table).map(([name, text]) => [name, program.func(text)])
    return Object.fromEntries(calls) as Calls<Table>
  }
  const queue = new ErrorQueue(bind(QUEUE_FUNCTIONS))
  const checked = Object.entries(FUNCTIONS).map(([name, [rule, prototype]]) => [
    name,
    checkedCall(queue, prototype, rule, program.func(prototype))
  ])
  const { handshake, read, write, shutdown } = bind(CONNECTION_FUNCTIONS)
  return {
    ...(Object.fromEntries(checked) as Calls<typeof FUNCTIONS>),
    ...bind(SYSTEM_FUNCTIONS),
    system,
    version: queue.calls.version(),
    handshake(connection) {
      queue.empty()
      const result = handshake(connection)
      return result > 0 ? result : queue.fail(connection, result)
    },
    read(connection, octets, length) {
      queue.empty()
      const result = read(connection, octets, length)
      return result > 0 ? result : queue.fail(connection, result)
    },
    write(connection, octets, length) {
      queue.empty()
      const result = write(connection, octets, length)
      return result > 0 ? result : queue.fail(connection, result)
    },
    shutdown(connection) {
      queue.empty()
      const result = shutdown(connection)
      // 0: the other side has not closed yet.
      return result >= 0 ? result : queue.fail(connection, result)
    },
    lastError: () => queue.describeLast(),
    serverName: program.func(TEXT_FUNCTIONS.serverName),
    describeVerification: program.func(TEXT_FUNCTIONS.describeVerification),
    callback: (prototype, onThrow, run) => {
      const guarded: Callback = (...args) => {
        try {
          return run(...args)
        } catch {
          return onThrow
        }
      }
      return koffi.register(guarded, koffi.pointer(koffi.proto(prototype)))
    }
  }
}

/** OpenSSL's queue of errors of this thread. */
class ErrorQueue {
  /** The first error of the call that failed last; 0: there was none. */
  private last = 0

  constructor(readonly calls: Calls<typeof QUEUE_FUNCTIONS>) {}

  /** ERR_clear_error alone takes four times as long. */
  empty(): void {
    const { calls } = this
    if (calls.firstError() !== 0) calls.clearErrors()
  }

  /** Keeps why a call failed. */
  take(): void {
    const { calls } = this
    this.last = calls.firstError()
    if (this.last !== 0) calls.clearErrors()
  }

  /** @returns the kind of failure, negative */
  fail(connection: Argument, result: number): number {
    const kind = this.calls.errorOf(connection, result)
    this.take()
    return -kind
  }

  describeLast(): string | undefined {
    const { last, calls } = this
    if (last === 0) return undefined
    const text = Buffer.alloc(ERROR_SIZE)
    calls.describeError(last, text, text.length)
    return text.toString('latin1', 0, text.indexOf(0))
  }
}

const SUCCESS: Readonly<Record<Rule, (result: number) => boolean>> = {
  one: result => result === 1,
  zero: result => result === 0,
  some: result => result > 0,
  any: () => true,
  quiet: result => result === 1,
  inner: () => true
}

function checkedCall(queue: ErrorQueue, prototype: string, rule: Rule, call: Call): Call {
  if (rule === 'inner') return call
  const isSuccess = SUCCESS[rule]
  return (...args) => {
    if (rule !== 'quiet') queue.empty()
    const result = call(...args)
    if (isSuccess(result)) {
      if (rule !== 'quiet') queue.empty()
      return result
    }
    queue.take()
    const name = prototype.replace(/\(.*/, '').split(' ').at(-1)!
    throw new OpenSslError(`${name}: ${queue.describeLast() ?? `failed with ${result}`}`)
  }
}
