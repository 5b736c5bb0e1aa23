import { MS_PER_DAY, MS_PER_SECOND, type Seconds } from '../../../base/units.js'
import { isAccountKey } from '../../channel/nkey.js'
import type { HubState } from '../hub-state.js'

/** No token is valid for longer. */
const MAX_LIFETIME: Seconds = (31 * MS_PER_DAY) / MS_PER_SECOND

export type Revocations = HubState['revocations']

/** Revocations without tokens that have expired since. */
export function currentRevocations(all: Revocations, now: Seconds): Revocations {
  const current = Object.entries(all).filter(
    ([key, at]) => isAccountKey(key) || now - at <= MAX_LIFETIME
  )
  return Object.fromEntries(current)
}

/** Those that a state does not have. */
export function missingRevocations(all: Revocations, { revocations }: HubState): Revocations {
  return Object.fromEntries(Object.entries(all).filter(([key]) => !(key in revocations)))
}

/** Revocations never go away with a state: those of another copy stay in force. */
export function withRevocations(
  state: HubState,
  more: Revocations
): Pick<HubState, 'revocations' | 'gateways'> {
  const revocations = { ...more, ...state.revocations }
  const gateways = Object.entries(state.gateways).map(([name, one]) => {
    const at = one.account === null ? undefined : revocations[one.account]
    if (at === undefined || one.revoked !== null) return [name, one] as const
    return [name, { ...one, revoked: new Date(at * MS_PER_SECOND).toISOString() }] as const
  })
  return { revocations, gateways: Object.fromEntries(gateways) }
}
