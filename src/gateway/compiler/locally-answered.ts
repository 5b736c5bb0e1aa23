import type { Config } from '../config/config.js'
import { readName } from '../../wire/dns/name/name.js'
import { designationOf } from '../discovery/designation.js'
import { designationRecords } from '../discovery/service-binding.js'
import {
  designationNames,
  specialUseNames,
  type SpecialUseName
} from '../../policy/tables/special-use-names.js'

/**
 * The special-use names answered locally: all except those that the settings forward, and those at which
 * clients look for encrypted listeners.
 */
export function locallyAnsweredNames(
  config: Pick<Config, 'specialUse' | 'upstreams' | 'discovery' | 'listen'>
): readonly SpecialUseName[] {
  const { specialUse, upstreams } = config
  if (!specialUse.answer) return []
  const forwarded = [...upstreams.forward.map(({ name }) => name), ...specialUse.except]
  const names = specialUseNames(forwarded)
  const designation = designationOf(config)
  if (designation === undefined) return names
  const own = readName(designation.name)
  return [...names, ...designationNames(own, designationRecords(designation), forwarded)]
}
