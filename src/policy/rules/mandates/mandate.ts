import type { Prefix } from '../../../base/values/address.js'
import type { Position } from '../../../base/errors/position.js'
import type { PublicKey } from '../../../base/files/ed25519.js'
import type { Seconds } from '../../../base/units.js'
import type { Pattern } from '../model/pattern.js'
import type { Term } from '../model/types.js'

/** A value in a mandate, with its position in the file. */
export interface Mandated<T> {
  readonly value: T
  readonly position: Position
}

/** The bans that an authority orders: a file with its signature. */
export interface Mandate {
  readonly id: string
  /** A later issue of the same mandate replaces this one. */
  readonly issued: Seconds
  readonly authority: string
  readonly reference: string
  readonly referenceUrl: string | undefined
  /** IANA name. */
  readonly timeZone: string
  readonly position: Position
  /** Hash of the signed text, in hexadecimal. */
  readonly sha256: string
  /** The trusted keys that have signed it. */
  readonly signers: readonly PublicKey[]
  /** Empty: the mandate is withdrawn. */
  readonly bans: readonly MandatedBan[]
}

/** One order of a mandate: these names, for these clients, at this time. */
export interface MandatedBan extends Term {
  readonly position: Position
  readonly apps: readonly Mandated<string>[]
  readonly names: readonly Mandated<Pattern>[]
  /** Names that the order does not cover. */
  readonly except: readonly Pattern[]
  readonly networks: 'all' | readonly Mandated<string>[]
  readonly prefixes: readonly Mandated<Prefix>[]
  readonly allowsExceptions: boolean
}
