import { readFileSync } from 'node:fs'
import { reasonOf } from '../../base/errors/reason.js'
import { writeFileAtomic } from '../../base/files/atomic-file.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { Clock } from '../../base/time/clock.js'
import type { Milliseconds } from '../../base/units.js'
import type { SavedAddresses } from '../../policy/egress/egress-addresses.js'

export interface AddressFileOptions {
  readonly clock: Clock
  readonly log: ServiceLog
  /** Undefined: nothing is kept. */
  readonly file: string | undefined
}

const SAVE_INTERVAL: Milliseconds = 60_000

/** Keeps addresses over a restart. */
export class AddressFile {
  /** Whether there is something to save. */
  hasChanged = false
  private savedAt: Milliseconds = -Infinity
  private isFailing = false

  constructor(private readonly options: AddressFileOptions) {}

  /** Undefined: there is no file yet, or it is broken: the addresses are found again. */
  load(): SavedAddresses | undefined {
    const { file } = this.options
    if (file === undefined) return undefined
    try {
      return JSON.parse(readFileSync(file, 'utf8')) as SavedAddresses
    } catch {
      return undefined
    }
  }

  get isDue(): boolean {
    return this.hasChanged && this.options.clock.now() - this.savedAt >= SAVE_INTERVAL
  }

  /** Logs once that it fails. */
  save(addresses: SavedAddresses): void {
    const { file, clock, log } = this.options
    this.savedAt = clock.now()
    this.hasChanged = false
    if (file === undefined) return
    try {
      writeFileAtomic(file, JSON.stringify(addresses), { mode: 0o600 })
      this.isFailing = false
    } catch (error) {
      if (!this.isFailing) log.warn({ file, error: reasonOf(error) }, 'denied addresses not saved')
      this.isFailing = true
    }
  }
}
