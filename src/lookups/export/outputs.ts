import { isDeepStrictEqual } from 'node:util'
import type { Octets } from '../../base/units.js'
import type { OutputConfig } from '../settings/output-config.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import { Exporter, type ExporterCounts } from './exporter.js'

/** Limit for lines that wait until another output has left the spool. */
const MAX_WAITING: Octets = 16 * 1024 * 1024

/** An output, as it has been configured. */
interface Output {
  readonly options: OutputConfig
  /** Undefined: it waits until the previous output has left the spool. */
  exporter: Exporter | undefined
  readonly waiting: { readonly block: Uint8Array; readonly lines: number }[]
  waitingOctets: Octets
  /** Lines beyond `MAX_WAITING`. */
  dropped: number
}

/** All outputs of the query log, which may be replaced while they send. */
export class Outputs {
  private all: readonly Output[] = []
  /**
   * The last change, which is over when the outputs that it removed are closed: that takes seconds while
   * their receivers are down. Changes are made one after the other, since outputs share a spool.
   */
  private lastChange: Promise<void> = Promise.resolve()

  constructor(private readonly log: ServiceLog) {}

  /**
   * Replaces the outputs. One whose settings are the same goes on; one that is changed first spools or
   * sends what it has, and the next one goes on with the spool.
   */
  configure(outputs: readonly OutputConfig[]): void {
    const before = this.all
    this.all = outputs.map(options => {
      const same = before.find(one => isDeepStrictEqual(one.options, options))
      return same ?? { options, exporter: undefined, waiting: [], waitingOctets: 0, dropped: 0 }
    })
    const removed = before.filter(one => !this.all.includes(one))
    const added = this.all.filter(one => !before.includes(one))
    this.lastChange = this.lastChange.then(async () => {
      await Promise.allSettled(removed.flatMap(({ exporter }) => exporter?.close() ?? []))
      for (const one of added) this.start(one)
    })
  }

  /** Adds complete lines; the block must not be changed afterwards. */
  push(block: Uint8Array, lines: number): void {
    for (const one of this.all) {
      if (one.exporter !== undefined) one.exporter.push(block, lines)
      else if (one.waitingOctets + block.length > MAX_WAITING) one.dropped += lines
      else {
        one.waiting.push({ block, lines })
        one.waitingOctets += block.length
      }
    }
  }

  counts(): readonly (ExporterCounts & { readonly name: string })[] {
    return this.all.map(({ options: { name }, exporter, dropped, waitingOctets }) => {
      const none = { sent: 0, dropped: 0, errors: 0, waitingOctets, connected: false }
      const counts = exporter?.counts() ?? none
      return { name, ...counts, dropped: counts.dropped + dropped }
    })
  }

  /** Sends what it can within a few seconds, and spools the rest to disk for the next start. */
  async close(): Promise<void> {
    await this.lastChange
    await Promise.all(this.all.flatMap(({ exporter }) => exporter?.close() ?? []))
  }

  private start(output: Output): void {
    const exporter = new Exporter(output.options, this.log)
    output.exporter = exporter
    exporter.start()
    for (const { block, lines } of output.waiting.splice(0)) exporter.push(block, lines)
    output.waitingOctets = 0
  }
}
