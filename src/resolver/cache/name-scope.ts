import type { Octets } from '../../base/units.js'

/** The names to flush: one name, or one name with all names below it. */
export class NameScope {
  /**
   * @param name lower-cased wire form, root label included
   * @param below whether to include the names below it
   */
  constructor(
    private readonly name: Uint8Array,
    private readonly below: boolean
  ) {}

  /** Whether the name in `octets[at, at + length)`, in the same form, is in scope. */
  includes(octets: Uint8Array, at: Octets, length: Octets): boolean {
    const { name } = this
    const surplus = length - name.length
    if (surplus < 0 || (surplus > 0 && !this.below)) return false
    for (let i = 0; i < name.length; i++) {
      if (octets[at + surplus + i] !== name[i]) return false
    }
    return surplus === 0 || isLabelStart(octets, at, surplus)
  }
}

/** Whether a label of the name at `at` starts `offset` octets after `at`. */
function isLabelStart(octets: Uint8Array, at: Octets, offset: Octets): boolean {
  let label = 0
  while (label < offset) label += 1 + octets[at + label]!
  return label === offset
}
