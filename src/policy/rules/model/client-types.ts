import type { Position } from '../../../base/errors/position.js'
import type { Milliseconds } from '../../../base/units.js'
import type { DeviceMatch } from '../../bindings/match-device.js'

/**
 * An authority whose certificates identify clients. Plain data, like everything here: it becomes part of
 * a snapshot.
 */
export interface ClientAuthority {
  readonly id: string
  readonly position: Position
  /** CA certificates that sign client certificates, in PEM. */
  readonly certificates: readonly string[]
  /** SHA-256 fingerprint of each, as `X509Certificate.fingerprint256`. */
  readonly fingerprints: readonly string[]
  /** `N:SERIAL` of each revoked certificate, N being the index of its issuer in `certificates`; one a line. */
  readonly revoked: string
  /** When the first of its revocation lists is out of date: wall-clock time; Infinity: never. */
  readonly crlUntil: Milliseconds
  /** The networks into which its certificates may put clients; undefined: any. */
  readonly networks: readonly string[] | undefined
}

/** What a certificate has to contain: a literal with at most one `*`, which stands for any text. */
export interface CertificateMatch {
  readonly authority: string
  readonly field: 'uri' | 'dns' | 'subject'
  readonly value: string
}

/** A client, or a group of clients, which is recognized by what it presents, or by the device behind its address. */
export interface ClientRule {
  readonly id: string
  readonly position: Position
  readonly network: string
  readonly certificates: readonly CertificateMatch[]
  /** First label of the server name, in lower case. RFC 6066 §3. */
  readonly labels: readonly string[]
  /** SHA-256 of each token, hexadecimal. */
  readonly tokens: readonly string[]
  readonly devices: readonly DeviceMatch[]
  /** Ids of networks in which a device that no feed knows is this client. */
  readonly unknownIn: readonly string[]
  readonly isRevoked: boolean
}

export interface ClientRules {
  readonly authorities: readonly ClientAuthority[]
  readonly clients: readonly ClientRule[]
}
