import { failure } from '../../../base/errors/error.js'
import type { ServiceLog } from '../../../base/log/service-log.js'
import type { HubState, StateStore } from '../hub-state.js'
import type { Register } from './register.js'
import { currentRevocations, withRevocations } from './revocations.js'
import type { Seconds } from '../../../base/units.js'

/** Replaces the state by that of the hub that leads. Revocations that it does not have stay. @throws InterdictError HUB_STATE */
export function adoptState(store: StateStore, next: HubState, now: Seconds): void {
  const known = currentRevocations(store.state.revocations, now)
  store.replace({ ...next, ...withRevocations(next, known) })
  store.removeSurplus()
}

/** Keeps changes that are about to be dropped. @throws InterdictError HUB_STATE */
export function keepDropped(store: StateStore, { holder }: Register, log: ServiceLog): void {
  const { code, message } = failure('HUB_DROPPED', holder ?? 'another', store.keepPrevious())
  log.error({ code }, message)
}

/**
 * Keeps what this hub may have changed without the other one before it was started.
 *
 * @throws InterdictError HUB_STATE
 */
export function keepOwn(
  store: StateStore,
  found: Register,
  { name, log }: { readonly name: string; readonly log: ServiceLog }
): void {
  const { epoch, leader, events } = store.state
  // Both hubs have worked with a version in which each had a state of its own.
  if (epoch === 0 && events.length > 0) keepDropped(store, found, log)
  else if (leader === name && epoch < found.epoch) store.keepPrevious()
}
