import type { Octets } from '../base/units.js'

/** The names that somebody means: one, or one with all that are below it. */
export class NameScope {
  /**
   * @param name lower-cased wire form, root label included
   * @param below whether names below it are meant as well
   */
  constructor(
    private readonly name: Uint8Array,
    private readonly below: boolean
  ) {}

  /** Whether the name in `octets[at, at + length)`, in the same form, is one of them. */
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

/** Whether a label of the name at `at` starts `offset` octets behind it. */
function isLabelStart(octets: Uint8Array, at: Octets, offset: Octets): boolean {
  let label = 0
  while (label < offset) label += 1 + octets[at + label]!
  return label === offset
}
