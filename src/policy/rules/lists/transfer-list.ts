import type { Position } from '../../../base/errors/position.js'
import type { Octets } from '../../../base/units.js'
import { showName } from '../../../wire/dns/name/name.js'
import type { Location } from '../model/location.js'
import type { ListEntry } from '../schema/networks-schema.js'

/** A list that is a zone transferred from a primary. Plain data: it is sent to other threads. */
export interface TransferList {
  readonly id: string
  /** Zone name: canonical text, and lower-cased wire form. */
  readonly zone: string
  readonly name: Uint8Array
  /** Ids of its primaries in the settings; undefined: all of them. */
  readonly primaries: readonly { readonly id: string; readonly position: Position }[] | undefined
  /** Position of `transfer` in the list's entry. */
  readonly position: Position
  readonly maxSize: Octets
  readonly mayBeEmpty: boolean
  /** Whether a good copy existed when the rules were read. */
  readonly hasCopy: boolean
}

/** @returns undefined for a list that is not transferred */
export function transferList(
  id: string,
  entry: ListEntry,
  hasCopy: boolean,
  location: Location
): TransferList | undefined {
  const { transfer: name, primaries } = entry
  if (name === undefined) return undefined
  return {
    id,
    zone: showName(name),
    name,
    primaries: primaries?.map((primary, i) => {
      return { id: primary, position: location.at('primaries', i).messagePosition }
    }),
    position: location.at('transfer').messagePosition,
    maxSize: entry['max-size'],
    mayBeEmpty: entry['may-be-empty'],
    hasCopy
  }
}
