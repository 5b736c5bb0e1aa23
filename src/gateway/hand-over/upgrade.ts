import { failure } from '../../base/errors/error.js'
import { packageVersion } from '../../base/package.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { Transport } from '../../wire/sockets/datagram.js'
import type { UpgradeResult } from '../socket/admin-protocol.js'
import { serializeError } from '../../base/errors/serialized-error.js'
import {
  startReplacement,
  type Inheritance,
  type StartSuccessor,
  type Successor
} from './successor.js'

export interface UpgradeOptions {
  readonly transport: Pick<Transport, 'kind'>
  readonly log: ServiceLog
  /** @throws InterdictError UPGRADE_UNAVAILABLE */
  readonly inheritance: () => Promise<Inheritance>
  readonly start?: StartSuccessor
  readonly pid?: number
  readonly env?: NodeJS.ProcessEnv
}

/** Replaces the running gateway by a new process: see `hand-over.ts`. */
export class Upgrade {
  /** Resolves with the new process when it listens: then this one must leave. */
  readonly replaced: Promise<Successor>
  private onReplaced: (successor: Successor) => void = () => undefined
  private readonly abortion = new AbortController()
  private isRunning = false

  constructor(private readonly options: UpgradeOptions) {
    this.replaced = new Promise(resolve => (this.onReplaced = resolve))
  }

  /**
   * Starts the new process. Until it listens, this one serves on as if nothing had been.
   *
   * @throws InterdictError UPGRADE_UNAVAILABLE, UPGRADE_RUNNING, UPGRADE_FAILED
   */
  async run(): Promise<UpgradeResult> {
    const { log, inheritance, start, pid = process.pid } = this.options
    const obstacle = this.obstacle(pid)
    if (obstacle !== undefined) throw failure('UPGRADE_UNAVAILABLE', obstacle)
    if (this.isRunning) throw failure('UPGRADE_RUNNING')
    this.isRunning = true
    log.info({}, 'starting the new process')
    try {
      const successor = await startReplacement(await inheritance(), this.abortion.signal, start)
      log.info({ ...successor }, 'the new process listens; handing over to it')
      // After the reply to the admin client, which is sent in this turn of the event loop.
      setImmediate(() => this.onReplaced(successor))
      return { from: { pid, version: packageVersion() }, to: successor }
    } catch (error) {
      this.isRunning = false
      const { code, message } = serializeError(error)
      log.error({ code }, message)
      throw error
    }
  }

  private obstacle(pid: number): string | undefined {
    const { transport, env = process.env } = this.options
    if (transport.kind !== 'batch') return 'portable sockets cannot be handed over'
    // With process 1 the kernel ends all others of its container.
    if (pid === 1) return 'the gateway is process 1 of a container'
    // systemd.exec(5): set for the main process. When that ends, systemd kills the others, unless it was notified.
    if (env.SYSTEMD_EXEC_PID === String(pid) && env.NOTIFY_SOCKET === undefined)
      return 'its systemd unit needs Type=notify'
    return this.abortion.signal.aborted ? 'the gateway is stopping' : undefined
  }

  /** Kills a new process that does not listen yet, since this one stops. */
  abort(): void {
    this.abortion.abort()
  }
}
