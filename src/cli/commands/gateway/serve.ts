import { setTimeout as sleep } from 'node:timers/promises'
import type { Milliseconds } from '../../../base/units.js'
import { Predecessor } from '../../../gateway/hand-over/predecessor.js'
import { CompilerHandle } from '../../../gateway/compiler/compiler-handle.js'
import { nameProcess } from '../../../base/system/process-name.js'
import { markInOwnThread } from '../../../base/threads/marking.js'
import { startThread } from '../../../base/threads/thread.js'
import type { CommonOptions } from '../../args/settings.js'
import { EXIT, reportError } from '../../exit.js'
import type { Io, OutputStream } from '../../io.js'
import type { Service } from '../../service.js'

/** A start that is to be stopped is given this long to end by itself; a file it reads may hang. */
const START_GRACE: Milliseconds = 5_000

/**
 * `interdict serve`: answers queries until SIGTERM or SIGINT, then ends the process.
 *
 * Signal handlers are installed first: by default SIGHUP would end the process, and SIGTERM would be
 * ignored in process 1 of a container. The compiler thread is started before the code of the server
 * is loaded, because it takes longest to load.
 *
 * @returns the exit code, only if the server could not start
 */
export async function serve(options: CommonOptions, io: Io): Promise<number> {
  nameProcess('interdict')
  markInOwnThread()
  const signals = new Signals()
  const compiler = new CompilerHandle(startThread)
  signals.onSecondStop = () => compiler.close()
  compiler.ensureStarted()
  const { startService: open } = await import('../../service.js')
  let predecessor: Predecessor | undefined
  let service: Service
  try {
    predecessor = await Predecessor.of(process)
    void predecessor?.abandoned.then(error => end(reportError(error, io), true))
    const opening = open(options, compiler, predecessor)
    const stopped = signals.stop.then(() => sleep(START_GRACE, undefined, { ref: false }))
    const opened = await Promise.race([opening, stopped])
    if (opened === undefined) return end(EXIT.success, await compiler.close())
    service = opened
  } catch (error) {
    signals.close()
    await compiler.close()
    // Bundled apart from the other commands, whose InterdictError is another class.
    return reportError(error, { stderr: teeTo(predecessor, io.stderr) })
  }
  signals.onReload = () => service.reload()
  signals.onSecondStop = () => service.abort()
  const signal = await Promise.race([signals.stop, service.replaced])
  return end(
    EXIT.success,
    signal === undefined ? await service.leave() : await service.close(signal)
  )
}

/** What is written goes to the gateway that this process should have replaced, too. */
function teeTo(
  predecessor: Predecessor | undefined,
  stderr: OutputStream
): Pick<OutputStream, 'write'> {
  return {
    write: text => {
      predecessor?.fail(text.trim())
      return stderr.write(text)
    }
  }
}

/** `process.exit` waits for threads; with one blocked in the kernel only SIGKILL ends the process. */
function end(code: number, threadsEnded: boolean): never {
  if (!threadsEnded) process.kill(process.pid, 'SIGKILL')
  process.exit(code)
}

class Signals {
  private readonly listeners: [NodeJS.Signals, NodeJS.SignalsListener][] = []
  /** Resolves with the first SIGTERM or SIGINT. */
  readonly stop: Promise<NodeJS.Signals>
  /** Handler of SIGHUP. None during the start, which reads the rules anyway. */
  onReload: () => void = () => undefined
  /** Handler of a second SIGTERM or SIGINT, which ends the process at once. */
  onSecondStop: () => Promise<boolean> = () => Promise.resolve(true)

  constructor() {
    this.stop = new Promise(resolve => {
      let isStopping = false
      const stop = (signal: NodeJS.Signals): void => {
        if (isStopping) void this.onSecondStop().then(ended => end(EXIT.failure, ended))
        isStopping = true
        resolve(signal)
      }
      this.listen('SIGTERM', stop)
      this.listen('SIGINT', stop)
    })
    this.listen('SIGHUP', () => this.onReload())
  }

  /** Restores the default handling of signals. */
  close(): void {
    for (const [signal, listener] of this.listeners) process.removeListener(signal, listener)
  }

  private listen(signal: NodeJS.Signals, listener: NodeJS.SignalsListener): void {
    process.on(signal, listener)
    this.listeners.push([signal, listener])
  }
}
