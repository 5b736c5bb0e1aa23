import { failureAt, type InterdictError } from '../../base/errors/error.js'
import { didYouMean } from '../../policy/yaml/closest.js'
import type { ScheduledReport } from '../../analysis/settings/report-config.js'
import type { RetentionConfig, PrivacyConfig } from '../../lookups/settings/query-log-config.js'

/**
 * Warnings about networks in the privacy settings that are not in the rules: their clients would be logged
 * in the default mode.
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

/** Warnings about networks in the retention settings that are not in the rules. */
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

/** Warnings about scheduled reports on bans that are not in the rules. */
export function checkReportBans(
  reports: readonly ScheduledReport[],
  known: ReadonlySet<string>
): InterdictError[] {
  return reports.flatMap(({ ban, name, position }) => {
    if (ban === undefined || known.has(ban)) return []
    return [failureAt(position, 'REPORT_BAN', name, ban, didYouMean(ban, [...known]))]
  })
}
