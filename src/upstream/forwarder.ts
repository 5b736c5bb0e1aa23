import type { Milliseconds } from '../base/units.js'

/**
 * A question to be put to an upstream, with RD set: RFC 9499 "forward". Identical ones in flight
 * share one, however they are spelt.
 */
export interface ForwardedQuestion {
  /**
   * QNAME in any letter case, QTYPE and QCLASS. The forwarder may change the case of letters;
   * nobody else changes anything until the outcome is told.
   */
  readonly question: Uint8Array
  readonly dnssecOk: boolean
  readonly checkingDisabled: boolean
}

/**
 * All who wait for one inquiry are told the same object. `took` counts from the first asker's
 * `forward`; `upstream` is -1 where none was asked.
 */
export type Outcome =
  /**
   * A whole message that answers the inquiry's question (ID, address, port, question checked).
   * `message` is valid only while those who wait are told: it lies where it was received.
   */
  | {
      readonly kind: 'response'
      readonly message: Uint8Array
      readonly upstream: number
      readonly took: Milliseconds
    }
  /** No upstream answered in time. `ede`: 22 No Reachable Authority, 23 Network Error. */
  | {
      readonly kind: 'failure'
      readonly ede: 22 | 23
      readonly upstream: number
      readonly took: Milliseconds
      /** More for people, where there is more to say. */
      readonly text?: string | undefined
    }

/** Who waits for what comes of an inquiry; it may be the inquiry itself. */
export interface OutcomeHandler {
  onOutcome(outcome: Outcome): void
}

export interface Forwarder {
  /** Asks; `waiter` is told exactly once, later, never from within `forward`. Never throws. */
  forward(inquiry: ForwardedQuestion, waiter: OutcomeHandler): void
  /** Addresses of all upstreams, as shown to people; `upstream` in outcomes is an index here. */
  readonly upstreams: readonly string[]
  /** Inquiries under way: what a shutdown waits for. */
  readonly inFlight: number
  close(): void
}
