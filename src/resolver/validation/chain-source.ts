import type { SignedMessage } from '../../wire/dnssec/signed-message.js'

/** A response, or why there is none that can be used. */
export type ChainResponse =
  | { readonly kind: 'response'; readonly message: SignedMessage; readonly upstream: string }
  | { readonly kind: 'failure'; readonly reason: string }

/** Queries for the records of one chain, all to the same upstream as long as it answers. */
export interface ChainSession {
  /** Queries with DO and CD. Never rejects. @param name in lower-cased wire form */
  query(name: Uint8Array, type: number): Promise<ChainResponse>
}

export interface ChainSource {
  open(): ChainSession
}
