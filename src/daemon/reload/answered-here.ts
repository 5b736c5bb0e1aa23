import type { Config } from '../../config/config.js'
import { localNames, type LocalName } from '../../policy/tables/local-names.js'

/** The special-use names that are answered here: all but what the settings have forwarded. */
export function answeredHere({ specialUse, upstreams }: Config): readonly LocalName[] {
  if (!specialUse.answer) return []
  return localNames([...upstreams.forward.map(({ name }) => name), ...specialUse.except])
}
