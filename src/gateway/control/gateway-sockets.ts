import type { Config, ListenConfig } from '../config/config.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { Endpoint, Transport } from '../../wire/sockets/datagram.js'
import { acquireStartLock } from '../../wire/sockets/start-lock.js'
import type { AdminInterface } from '../socket/admin-interface.js'
import type { RecorderHandle } from '../../lookups/threads/recorder-handle.js'
import type { CountedSnapshot } from '../workers/worker-messages.js'
import { serializeError, type SerializedError } from '../../base/errors/serialized-error.js'
import type { WorkerPool } from '../workers/worker-pool.js'
import { findFreeEndpoint } from './free-endpoint.js'
import type { Predecessor } from '../hand-over/predecessor.js'
import type { AdminService } from './services.js'

export interface GatewaySocketsOptions {
  readonly config: Pick<Config, 'listen'>
  readonly transport: Transport
  /** The gateway whose sockets are taken over; undefined: none. */
  readonly predecessor: Pick<Predecessor, 'find' | 'take' | 'replace'> | undefined
  readonly recorder: Pick<RecorderHandle, 'lock'>
  readonly admin: Pick<AdminInterface, 'open'>
  readonly http: Pick<AdminService, 'open'>
  readonly workerPool: Pick<WorkerPool, 'listen'>
  readonly log: ServiceLog
}

/** Opens the sockets of the gateway, or takes them over, and its locks, from the gateway that it replaces. */
export class GatewaySockets {
  /** Where clients are answered, with the port chosen for port 0; empty before `open`. */
  endpoints: readonly ListenConfig[] = []
  /** Of ports chosen for port 0. */
  private readonly chosenLocks: { release(): void }[] = []

  constructor(private readonly options: GatewaySocketsOptions) {}

  /**
   * Opens the sockets, unless another process has the ports or is about to open them.
   *
   * @param rules what the workers answer by
   * @returns the errors that prevent it
   */
  async open(rules: CountedSnapshot): Promise<readonly SerializedError[]> {
    const { predecessor, config, admin, http, workerPool } = this.options
    const ports = predecessor === undefined ? config.listen.map(({ port }) => port) : []
    const startLock = await acquireStartLock(ports)
    try {
      if (predecessor !== undefined) return await this.takeOver(predecessor, rules)
      for (const open of [() => this.reserve(), () => admin.open(), () => http.open()]) {
        const errors = await open()
        if (errors.length > 0) return errors
      }
      const error = await workerPool.listen(this.endpoints, rules)
      return error === undefined ? [] : [error]
    } finally {
      startLock.release()
      for (const lock of this.chosenLocks.splice(0)) lock.release()
    }
  }

  /**
   * Listens on the sockets of a gateway that is replaced, before it ends. What only one of them can have is
   * opened after that: an error then does not stop it, since nothing else would answer.
   */
  private async takeOver(
    predecessor: NonNullable<GatewaySocketsOptions['predecessor']>,
    rules: CountedSnapshot
  ): Promise<readonly SerializedError[]> {
    const { recorder, admin, http, workerPool, log } = this.options
    const reserveErrors = await this.reserve()
    if (reserveErrors.length > 0) return reserveErrors
    const sockets = predecessor.take(this.endpoints)
    const error = await workerPool.listen(this.endpoints, rules, sockets)
    if (error !== undefined) return [error]
    await predecessor.replace()
    for (const open of [recorder.lock(), admin.open(), http.open()]) {
      for (const { code, message } of await open) log.error({ code }, message)
    }
    return []
  }

  private async findFree(wanted: ListenConfig): Promise<Endpoint> {
    const { endpoint, lock } = await findFreeEndpoint(this.options.transport, wanted)
    if (lock !== undefined) this.chosenLocks.push(lock)
    return endpoint
  }

  /** Checks that all endpoints are free, choosing a port for port 0. */
  private async reserve(): Promise<readonly SerializedError[]> {
    const { config, predecessor } = this.options
    const errors: SerializedError[] = []
    const free: ListenConfig[] = []
    for (const endpoint of config.listen) {
      try {
        const inherited = predecessor?.find(endpoint, free)
        free.push({ ...endpoint, ...(inherited ?? (await this.findFree(endpoint))) })
      } catch (error) {
        errors.push(serializeError(error))
      }
    }
    this.endpoints = free
    return errors
  }
}
