/**
 * What the dashboard reads of responses about a fleet; docs/reference/openapi.json has all of it. Code for browsers
 * imports nothing of the gateway: test/web/response-types.ts compares these types with the responses.
 */

interface Refusal {
  readonly code: string
  readonly message: string
}

export interface FleetGateway {
  readonly name: string
  readonly ring: string
  readonly state: 'running' | 'behind' | 'refusing' | 'silent' | 'unseen'
  readonly program: string | null
  /** Serial that its ring should run. */
  readonly wanted: number | null
  readonly active: number | null
  readonly since: string | null
  readonly ready: boolean | null
  readonly problems: readonly string[]
  readonly refused: Refusal | null
  readonly trust: { readonly root: number | null; readonly refused: Refusal | null } | null
  readonly probe: { readonly good: string | null; readonly failing: number } | null
  readonly contact: string | null
  readonly clockOffsetMs: number | null
  readonly by: string | null
}

/** A gateway that does not enforce a ban, with the reason. */
export interface FleetGap extends FleetGateway {
  readonly gap: string
}

export interface FleetPage {
  /** Number of the gateways that are selected. */
  readonly total: number
  readonly offset: number
  readonly gateways: readonly FleetGateway[]
}

export interface FleetGapPage extends Pick<FleetPage, 'total' | 'offset'> {
  readonly without: readonly FleetGap[]
}

export interface FleetBan {
  readonly id: string
  /** Number of all. */
  readonly gateways: number
  readonly without: number
}

interface RingShares {
  readonly blocked: number | null
}

export interface FleetRing {
  readonly ring: string
  readonly serial: number | null
  readonly phase: 'soaking' | 'done' | 'halted' | null
  readonly why: string | null
  readonly gateways: number
  readonly running: number
  readonly notReady: number
  readonly shares: RingShares
  readonly before: RingShares
  readonly forecast: {
    readonly lookups: number
    readonly newlyBlocked: number
    readonly newlyAllowed: number
    readonly names: readonly { readonly what: string }[]
  } | null
}

export interface FleetRings {
  readonly nats: { readonly connected: boolean; readonly error: string | null }
  readonly rings: readonly FleetRing[]
}

export interface FleetEvent {
  readonly at: string
  readonly by: string
  readonly what: string
}
