import type { Milliseconds } from '../../base/units.js'

/**
 * A question to forward to an upstream, with RD set: RFC 9499 "forward". Equal questions in flight
 * share one upstream query, whatever their letter case.
 */
export interface ForwardedQuestion {
  /**
   * QNAME in any letter case, QTYPE and QCLASS. The forwarder may change the letter case; the caller
   * must not change anything until the outcome has come.
   */
  readonly question: Uint8Array
  readonly dnssecOk: boolean
  readonly checkingDisabled: boolean
  /** Number of the forwarders to use; 0: the upstreams of the settings. */
  readonly forwarders: number
  /** The answer has to be validated, unless `checkingDisabled`: see `ValidatingForwarder`. */
  readonly dnssecEnforced?: boolean
}

/**
 * Result of an upstream query; all its waiters get the same object. `took` counts from the first
 * call of `forward`; `upstream` is -1 if none was queried.
 */
export type UpstreamOutcome =
  /**
   * A complete message that answers the question (ID, address, port and question match). `message`
   * is valid only during `onOutcome`: it lies in the receive buffer.
   */
  | {
      readonly kind: 'response'
      readonly message: Uint8Array
      readonly upstream: number
      readonly took: Milliseconds
    }
  /** No upstream answered in time, or its answer failed validation. */
  | {
      readonly kind: 'failure'
      /** INFO-CODE. RFC 8914 §4. */
      readonly ede: number
      /** An upstream answered, but its answer fails validation: clients get no other one in its place. */
      readonly isBogus?: boolean
      readonly upstream: number
      readonly took: Milliseconds
      /** More detail for humans, if there is any. */
      readonly text?: string | undefined
      /** If only the target of an alias could not be resolved: a response with the aliases up to there. */
      readonly aliases?: Uint8Array | undefined
    }

/** A waiter of an upstream query. */
export interface OutcomeHandler {
  onOutcome(outcome: UpstreamOutcome): void
}

export interface Forwarder {
  /** Calls `waiter` exactly once, later, never from within `forward`. Never throws. */
  forward(question: ForwardedQuestion, waiter: OutcomeHandler): void
  /** Addresses of all upstreams, human-readable; `Outcome.upstream` is an index here. */
  readonly upstreams: readonly string[]
  /** Upstream queries in flight: a shutdown waits for them. */
  readonly inFlight: number
  close(): void
}
