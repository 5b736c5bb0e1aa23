import type { CertificateFacts } from './client-certificate.js'

/** Credentials that a client presented on a connection: a certificate, a label, a token. */
export interface ClientCredentials {
  readonly certificate: CertificateFacts | undefined
  /** First label of the server name, in lower case. */
  readonly label: string | undefined
  /** SHA-256 of the token in the path. */
  readonly token: Uint8Array | undefined
}

/** By what a client is recognized. */
export type IdentityMethod = 'certificate' | 'token' | 'sni'

/**
 * `known`    recognized, and in the network of its rule
 * `unknown`  what it presents belongs to nobody
 * `revoked`  what it presents is revoked
 */
export type IdentityStatus = 'known' | 'unknown' | 'revoked'

/** The identity of a client according to its credentials, under the rules in force. */
export interface Identification {
  readonly status: IdentityStatus
  readonly method: IdentityMethod
  /** Client class; 0: that of the address. */
  readonly clientClass: number
  /** Class of the address, whose bans apply as well: see `addressClassOf`; 0: none does. */
  readonly addressClass: number
  /** Id of the client, with what a `*` in its rule stands for: `phones/17`. Undefined: unknown */
  readonly device: string | undefined
  /** Id in the rules. */
  readonly client: string | undefined
  /** For the log: why it is unknown or revoked. */
  readonly reason: string | undefined
  /** Of the certificate, for the log. */
  readonly detail?: string | undefined
}

/** Recognizes clients by the rules in force. */
export interface IdentityFinder {
  /**
   * @param address four words, as in `DatagramBatch.peers`
   * @returns undefined: it has presented nothing
   */
  identify(credentials: ClientCredentials, address: Uint32Array): Identification | undefined
}
