import { failure, failureAt, type InterdictError } from '../../base/errors/error.js'
import { didYouMean } from '../../policy/yaml/closest.js'
import type { ScheduledReport } from '../../analysis/settings/report-config.js'
import type { RetentionConfig, PrivacyConfig } from '../../lookups/settings/query-log-config.js'
import type { ClientRule } from '../../policy/rules/model/client-types.js'
import { showEndpoint } from '../../wire/sockets/endpoint.js'
import type { EgressPolicy } from '../../policy/rules/model/types.js'
import { canDeny, type Config, type EgressConfig, type ListenConfig } from './config.js'

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

/** Warnings about feeds that take bindings from the HTTP API while it is off. */
export function checkBindingFeeds({ bindings, admin }: Config): InterdictError[] {
  if (admin.http !== undefined) return []
  return bindings.feeds
    .filter(({ http }) => http)
    .map(({ name, position }) => failureAt(position, 'BINDINGS_NO_API', name))
}

/** A warning about networks whose connections nothing denies. */
export function checkEgress(
  egress: EgressConfig,
  networks: readonly { readonly id: string; readonly egress?: EgressPolicy | undefined }[]
): InterdictError[] {
  const ordered = networks.filter(({ egress }) => egress === 'deny').map(({ id }) => id)
  if (canDeny(egress) || ordered.length === 0) return []
  return [failure('EGRESS_UNDENIED', 'the settings have no egress.firewall', ordered)]
}

/** What identifies a client, in the rules. */
type Identifiers = Pick<ClientRule, 'id' | 'certificates' | 'labels' | 'tokens' | 'isRevoked'>

/**
 * Warnings about listeners that refuse anonymous clients while no client of the rules can identify itself there, and
 * about certificates of clients that no listener asks for: LISTEN_REFUSES_ALL, CLIENT_CERTIFICATES_OFF.
 */
export function checkClientListeners(
  listen: readonly ListenConfig[],
  clients: readonly Identifiers[]
): InterdictError[] {
  const valid = clients.filter(({ isRevoked }) => !isRevoked)
  const withCertificate = valid.find(({ certificates }) => certificates.length > 0)
  const has = {
    certificates: withCertificate !== undefined,
    'server names': valid.some(({ labels }) => labels.length > 0),
    tokens: valid.some(({ tokens }) => tokens.length > 0)
  }
  const closed = listen.flatMap(listener => {
    const { certificates, recognition } = listener
    const accepted = acceptedBy(listener)
    if (certificates === undefined || recognition?.missing !== 'refuse') return []
    if (accepted.some(kind => has[kind])) return []
    const { position } = certificates[0]!
    const kinds = accepted.join(' and ')
    return [failureAt(position, 'LISTEN_REFUSES_ALL', showEndpoint(listener), kinds)]
  })
  const asks = listen.some(listener => acceptedBy(listener).includes('certificates'))
  if (withCertificate === undefined || asks) return closed
  return [...closed, failure('CLIENT_CERTIFICATES_OFF', withCertificate.id)]
}

/** What a listener identifies clients by. */
function acceptedBy({ certificates = [], recognition, dohPath }: ListenConfig) {
  return [
    ...(certificates.some(one => one.requestsClientCertificates) ? ['certificates' as const] : []),
    ...(recognition?.name === undefined ? [] : ['server names' as const]),
    ...(dohPath === undefined ? [] : ['tokens' as const])
  ]
}
