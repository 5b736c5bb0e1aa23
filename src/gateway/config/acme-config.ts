import type { Position } from '../../base/errors/position.js'
import type { Endpoint } from '../../wire/sockets/datagram.js'
import type { HttpProxy } from '../../wire/http/http-proxy.js'
import type { Milliseconds } from '../../base/units.js'

/** How `interdict certificate renew` gets certificates (ACME, RFC 8555). The gateway does not use it. */
export interface AcmeConfig {
  /** URL of the directory. */
  readonly directory: string
  /** Position of its setting. */
  readonly position: Position
  /** CA certificates trusted in addition to the built-in ones. */
  readonly caFile: string | undefined
  readonly proxy?: HttpProxy | undefined
  /** Created if it does not exist. */
  readonly accountKey: string
  /** Mail addresses. */
  readonly contact: readonly string[]
  readonly acceptsTerms: boolean
  /** Undefined: the server needs none. RFC 8555 §7.3.4 */
  readonly externalAccount: { readonly keyId: string; readonly keyFile: string } | undefined
  /** Names and addresses in the certificate; empty: that of `discovery`. */
  readonly names: readonly string[]
  readonly challenge: AcmeChallenge
  /** The files to write; undefined: the certificate of the encrypted listeners. */
  readonly files: { readonly certificate: string; readonly key: string } | undefined
}

/** RFC 8555 §8.3 and §8.4. */
export type AcmeChallenge =
  | { readonly type: 'http-01'; readonly listen: Endpoint }
  | {
      readonly type: 'dns-01'
      /** Program that creates and removes the TXT record. */
      readonly hook: string
      /** How long to wait for the record to reach all name servers. */
      readonly wait: Milliseconds
    }
