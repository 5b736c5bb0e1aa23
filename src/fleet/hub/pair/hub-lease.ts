import { randomBytes } from 'node:crypto'
import type { Clock } from '../../../base/time/clock.js'
import type { Milliseconds } from '../../../base/units.js'
import { registerSchema, sealed, unsealed, type Register, type Seal } from './register.js'
import type { SharedBucket } from './shared-bucket.js'

/** Without a renewal for so long, the other hub takes over. */
const LEASE: Milliseconds = 8_000
/** Without a renewal for so long, the hub that leads stops changing anything: well before the other one begins. */
const VALID: Milliseconds = 6_000
const REGISTER = 'register'

/** The register as this hub wrote it last. */
export interface Written {
  readonly register: Register
  readonly revision: number
}

/** The register as it is at NATS. */
export interface Found {
  /** Undefined: there is none, or it is not from a hub of the fleet. */
  readonly register: Register | undefined
  /** 0: there is none. */
  readonly revision: number
}

export interface HubLeaseOptions {
  /** Of this hub. */
  readonly name: string
  readonly seal: Seal
  readonly clock: Clock
}

/** Reads and writes the register, and measures by the clock of this hub alone how long a lease is valid. */
export class HubLease {
  /** Tells this run of the hub from others with its name. */
  readonly run = randomBytes(8).toString('hex')
  written: Written | undefined
  private writtenAt: Milliseconds = -Infinity
  /** The register of another hub, and since when it has not changed. */
  private seen: { readonly revision: number; readonly since: Milliseconds } | undefined

  constructor(private readonly options: HubLeaseOptions) {}

  /** Since the last renewal was sent. */
  get age(): Milliseconds {
    return this.options.clock.now() - this.writtenAt
  }

  /** True if no other hub can have taken over. */
  get isValid(): boolean {
    return this.age < VALID
  }

  /** A register with this hub as the holder. */
  registerOf(parts: Pick<Register, 'epoch' | 'number' | 'sha256' | 'size'>): Register {
    const { name, clock } = this.options
    const { epoch, number, sha256, size } = parts
    const at = new Date(clock.wall()).toISOString()
    return { version: 1, holder: name, run: this.run, epoch, number, sha256, size, at }
  }

  async read(bucket: SharedBucket): Promise<Found> {
    const stored = await bucket.read(REGISTER)
    const register = stored && unsealed(stored.text, registerSchema, this.options.seal)
    return { register, revision: stored?.revision ?? 0 }
  }

  /** Replaces the revision that was seen last. @returns false: another hub has written since */
  async write(bucket: SharedBucket, register: Register, revision: number): Promise<boolean> {
    const { seal, clock } = this.options
    const sentAt = clock.now()
    const next = await bucket.replace(REGISTER, sealed(register, seal), revision)
    if (next === undefined) return false
    this.written = { register, revision: next }
    this.writtenAt = sentAt
    return true
  }

  /**
   * True if the lease of another hub has expired.
   *
   * @param revision that was found; undefined: none that is to be waited for
   */
  hasExpired(revision: number | undefined): boolean {
    const now = this.options.clock.now()
    const seen = revision ?? -1
    if (this.seen?.revision !== seen) this.seen = { revision: seen, since: now }
    return now - this.seen.since >= LEASE
  }

  /** Waits for a whole lease once more. */
  forget(): void {
    this.seen = undefined
  }
}
