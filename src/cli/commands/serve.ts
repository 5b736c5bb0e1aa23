import { Compiler } from '../../daemon/reload/compiler.js'
import { startThread } from '../../daemon/threads/thread.js'
import type { CommonOptions } from '../args/settings.js'
import { EXIT, fail } from '../exit.js'

/**
 * `interdict serve`: serves until a signal says stop. Ends the process with its exit code.
 *
 * Signals are heard from the first moment on: left to themselves, SIGHUP would end us, and as
 * process 1 of a container we would not hear SIGTERM at all. The compiler thread is started before
 * our own code is loaded, since what it loads takes longest.
 */
export async function serve(options: CommonOptions): Promise<void> {
  const signals = new Signals()
  const compiler = new Compiler(startThread)
  compiler.warm()
  const { open } = await import('../service.js')
  // Packed apart from the other commands: to them, what is thrown here is no error of ours.
  const service = await open(options, compiler).catch(fail)
  signals.onHangUp = () => service.hangUp()
  signals.onSecond = () => service.abort()
  end(EXIT.fine, await service.close(await signals.stop))
}

/** A thread that waits in the kernel would keep `exit` waiting: then we end as the kernel does it. */
function end(code: number, threadsEnded: boolean): never {
  if (!threadsEnded) process.kill(process.pid, 'SIGKILL')
  process.exit(code)
}

class Signals {
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
        if (asked) void this.onSecond().then(ended => end(EXIT.found, ended))
        asked = true
        resolve(signal)
      }
      process.on('SIGTERM', stop)
      process.on('SIGINT', stop)
    })
    process.on('SIGHUP', () => this.onHangUp())
  }
}
