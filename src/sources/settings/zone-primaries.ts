import { failureAt, type InterdictError } from '../../base/errors/error.js'
import type { Position } from '../../base/errors/position.js'
import { didYouMean } from '../../policy/yaml/closest.js'
import type { TransfersConfig } from './sources-config.js'

/** A list in the rules that is a zone transferred from primaries. */
export interface ZoneReference {
  readonly id: string
  readonly zone: string
  readonly position: Position
  /** Undefined: all primaries of the settings. */
  readonly primaries: readonly { readonly id: string; readonly position: Position }[] | undefined
}

/** Ids of the primaries of a zone, in the order in which they are tried. */
export function primariesFor(
  { primaries }: TransfersConfig,
  { primaries: named }: ZoneReference
): readonly string[] {
  const known = primaries.map(({ id }) => id)
  return named === undefined ? known : named.map(({ id }) => id).filter(id => known.includes(id))
}

/** Errors of rules that name primaries missing in the settings. */
export function checkPrimaries(
  settings: TransfersConfig,
  zones: readonly ZoneReference[]
): readonly InterdictError[] {
  const known = settings.primaries.map(({ id }) => id)
  return zones.flatMap((zone): InterdictError[] => {
    const unknown = (zone.primaries ?? []).filter(({ id }) => !known.includes(id))
    const errors = unknown.map(({ id, position }) => {
      return failureAt(position, 'TRANSFER_UNKNOWN_PRIMARY', zone.id, id, didYouMean(id, known))
    })
    if (primariesFor(settings, zone).length > 0 || errors.length > 0) return errors
    return [failureAt(zone.position, 'TRANSFER_NO_PRIMARY', zone.id, zone.zone)]
  })
}
