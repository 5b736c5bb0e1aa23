import { failureAt, type InterdictError } from '../base/error.js'
import type { Position } from '../base/position.js'
import { didYouMean } from '../yaml/closest.js'
import type { TransfersConfig } from './config.js'

/** What rules say of a list that is a zone of a primary. */
export interface ZoneReference {
  readonly id: string
  readonly zone: string
  readonly position: Position
  /** Undefined: all that there are. */
  readonly primaries: readonly { readonly id: string; readonly position: Position }[] | undefined
}

/** Ids of the primaries that a zone is transferred from, in the order in which they are asked. */
export function primariesFor(
  { primaries }: TransfersConfig,
  { primaries: named }: ZoneReference
): readonly string[] {
  const known = primaries.map(({ id }) => id)
  return named === undefined ? known : named.map(({ id }) => id).filter(id => known.includes(id))
}

/** What rules say of primaries and does not fit the settings. */
export function checkPrimaries(
  settings: TransfersConfig,
  zones: readonly ZoneReference[]
): readonly InterdictError[] {
  const known = settings.primaries.map(({ id }) => id)
  return zones.flatMap((zone): InterdictError[] => {
    const strange = (zone.primaries ?? []).filter(({ id }) => !known.includes(id))
    const told = strange.map(({ id, position }) => {
      return failureAt(position, 'TRANSFER_UNKNOWN_PRIMARY', zone.id, id, didYouMean(id, known))
    })
    if (primariesFor(settings, zone).length > 0 || told.length > 0) return told
    return [failureAt(zone.position, 'TRANSFER_NO_PRIMARY', zone.id, zone.zone)]
  })
}
