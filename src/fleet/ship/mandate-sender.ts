import { sha256Of } from '../../base/bytes/sha256.js'
import { InterdictError } from '../../base/errors/error.js'
import { MS_PER_SECOND, type Milliseconds, type Seconds } from '../../base/units.js'
import { statePath } from '../../lookups/central/history-layout.js'
import { MandateStore, type StoredMandate } from '../../sources/mandates/mandate-store.js'
import type { SentMandates } from '../../sources/mandates/sent-mandates.js'
import type { ShippedFile } from './log-store.js'
import { memoryFile, sharedContent } from './shared-content.js'

/** The mandates of a gateway. */
export interface OwnMandates {
  /** Of those that it has accepted. */
  readonly folder: string
  /** Whether the settings name mandates now. */
  readonly areOrdered: boolean
}

/** Sends the mandates that were in force at the gateway: the signed files, then the record of when. */
export class MandateSender {
  private readonly store: MandateStore
  private readonly confirmed = new Set<string>()
  private last: { readonly record: string; readonly at: Seconds; isConfirmed: boolean } | undefined

  constructor(
    private readonly gateway: string,
    private readonly own: OwnMandates,
    private readonly put: (file: ShippedFile) => Promise<boolean>
  ) {
    this.store = new MandateStore(own.folder)
  }

  /** @returns whether the centre has all. @throws InterdictError FLEET_LOGS, MANDATE_STATE */
  async pass(now: Milliseconds): Promise<boolean> {
    const stored = this.store.read()
    if (stored.length === 0) return true
    const mandates: SentMandates['mandates'] = []
    let isWhole = true
    for (const one of stored) {
      const file = await this.sendFile(one)
      if (file === undefined) isWhole = false
      else mandates.push({ ...one, file })
    }
    return isWhole && this.sendRecord({ v: 1, ordered: this.own.areOrdered, mandates }, now)
  }

  /** @returns SHA-256 of the file; null: it cannot be read here; undefined: it is not confirmed */
  private async sendFile(stored: StoredMandate): Promise<string | null | undefined> {
    let octets: Uint8Array
    try {
      octets = this.store.octetsOf(stored)
    } catch (error) {
      if (error instanceof InterdictError) return null
      throw error
    }
    const sha256 = sha256Of(octets)
    if (!this.confirmed.has(sha256)) {
      if (!(await this.put(await sharedContent(octets)))) return undefined
      this.confirmed.add(sha256)
    }
    return sha256
  }

  private async sendRecord(value: SentMandates, now: Milliseconds): Promise<boolean> {
    const record = `${JSON.stringify(value)}\n`
    if (this.last?.record !== record)
      this.last = { record, at: Math.floor(now / MS_PER_SECOND), isConfirmed: false }
    const { last } = this
    const path = statePath(this.gateway, { kind: 'mandates', at: last.at })
    last.isConfirmed ||= await this.put(memoryFile(path, Buffer.from(record)))
    return last.isConfirmed
  }
}
