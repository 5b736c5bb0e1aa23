import { failureAt, type InterdictError } from '../base/error.js'
import { didYouMean } from '../yaml/closest.js'
import type { RetentionConfig, PrivacyConfig } from './config.js'

/**
 * Warnings of networks in the privacy settings that are not in the rules: clients that somebody
 * meant are written otherwise than meant.
 */
export function checkPrivacyNetworks(
  { networks }: PrivacyConfig,
  known: readonly string[]
): InterdictError[] {
  return networks
    .filter(({ id }) => !known.includes(id))
    .map(({ id, position }) => {
      const path = `log.queries.privacy.networks.${id}`
      return failureAt(position, 'PRIVACY_NETWORK', path, id, didYouMean(id, known))
    })
}

/** The same of networks whose lookups are kept for fewer days. */
export function checkRetentionNetworks(
  keep: RetentionConfig | undefined,
  known: readonly string[]
): InterdictError[] {
  return (keep?.networks ?? [])
    .filter(({ id }) => !known.includes(id))
    .map(({ id, position }) => {
      const path = `log.queries.keep.networks.${id}`
      return failureAt(position, 'KEEP_NETWORK', path, id, didYouMean(id, known))
    })
}
