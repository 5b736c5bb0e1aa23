import { CompilerHandle } from '../../daemon/reload/compiler-handle.js'
import { startThread } from '../../daemon/threads/thread.js'
import type { CommonOptions } from '../args/settings.js'
import { EXIT, reportError } from '../exit.js'
import type { Io } from '../io.js'
import type { Service } from '../service.js'

/**
 * `interdict serve`: serves until a signal says stop. Ends the process with its exit code.
 *
 * Signals are heard from the first moment on: left to themselves, SIGHUP would end us, and as
 * process 1 of a container we would not hear SIGTERM at all. The compiler thread is started before
 * our own code is loaded, since what it loads takes longest.
 */
export async function serve(options: CommonOptions, io: Io): Promise<number> {
  const signals = new Signals()
  const compiler = new CompilerHandle(startThread)
  compiler.ensureStarted()
  const { open } = await import('../service.js')
  let service: Service
  try {
    service = await open(options, compiler)
  } catch (error) {
    signals.close()
    await compiler.close()
    // Bundled apart from the other commands, whose InterdictError is another class.
    return reportError(error, io)
  }
  signals.onHangUp = () => service.hangUp()
  signals.onSecond = () => service.abort()
  return end(EXIT.success, await service.close(await signals.stop))
}

/** A thread that waits in the kernel would keep `exit` waiting: then we end as the kernel does it. */
function end(code: number, threadsEnded: boolean): never {
  if (!threadsEnded) process.kill(process.pid, 'SIGKILL')
  process.exit(code)
}

class Signals {
  private readonly listeners: [NodeJS.Signals, NodeJS.SignalsListener][] = []
  /** Resolves with the first signal that says stop. */
  readonly stop: Promise<NodeJS.Signals>
  /** Before there is somebody to hear it, the rules are about to be read anyway. */
  onHangUp: () => void = () => undefined
  /** A second signal that says stop does not wait for anybody. */
  onSecond: () => Promise<boolean> = () => Promise.resolve(true)

  constructor() {
    this.stop = new Promise(resolve => {
      let asked = false
      const stop = (signal: NodeJS.Signals): void => {
        if (asked) void this.onSecond().then(ended => end(EXIT.failure, ended))
        asked = true
        resolve(signal)
      }
      this.listen('SIGTERM', stop)
      this.listen('SIGINT', stop)
    })
    this.listen('SIGHUP', () => this.onHangUp())
  }

  /** Leaves the signals to Node again. */
  close(): void {
    for (const [signal, listener] of this.listeners) process.removeListener(signal, listener)
  }

  private listen(signal: NodeJS.Signals, listener: NodeJS.SignalsListener): void {
    process.on(signal, listener)
    this.listeners.push([signal, listener])
  }
}
