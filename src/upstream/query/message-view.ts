import { copyOctets } from '../../base/octets.js'
import { ScratchArrays } from '../../base/scratch-arrays.js'
import type { Octets } from '../../base/units.js'

/** Up to so many octets, a copy costs less than a view. */
const FEW: Octets = 256
const messages = new ScratchArrays(FEW, length => new Uint8Array(length))

/** A message among others, for as long as its outcome is told. */
export function messageView(octets: Uint8Array, start: Octets, end: Octets): Uint8Array {
  if (end - start > FEW) return octets.subarray(start, end)
  const message = messages.take(end - start)
  copyOctets(octets, start, end, message, 0)
  return message
}
