import type { Config } from '../../config/config.js'
import { specialUseNames, type SpecialUseName } from '../../policy/tables/special-use-names.js'

/** The special-use names answered locally: all except those that the settings forward. */
export function locallyAnsweredNames({ specialUse, upstreams }: Config): readonly SpecialUseName[] {
  if (!specialUse.answer) return []
  return specialUseNames([...upstreams.forward.map(({ name }) => name), ...specialUse.except])
}
