import type { Milliseconds } from '../../base/units.js'
import { failure } from '../../base/errors/error.js'
import type { Identification } from '../../wire/pki/identity.js'
import { IdentityIndex } from '../../policy/evaluate/identity-index.js'
import type { Policy } from '../../policy/evaluate/policy.js'
import { strictestMode } from '../../lookups/privacy/privacy-mode.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { RecognitionRules, ReportIdentity } from '../../resolver/server/client-recognizer.js'
import type { WorkerSettings } from './worker-messages.js'

/** At most one line of a kind in this time; the others are counted. */
const LOG_INTERVAL: Milliseconds = 10_000

const CODES = {
  unknown: 'CLIENT_UNKNOWN',
  revoked: 'CLIENT_REVOKED'
} as const

/** How the rules recognize clients; undefined: by their addresses alone. */
export function recognitionRules(policy: Policy): RecognitionRules | undefined {
  const { identities } = policy.snapshot.clients
  if (identities === undefined) return undefined
  const authorities = identities.authorities.flatMap(({ certificates, fingerprints }) =>
    certificates.filter((_, i) => fingerprints[i] !== '')
  )
  return { finder: new IdentityIndex(policy), authorities }
}

/**
 * Logs connections whose client is unknown or revoked. The subject of a certificate names a
 * device, so it is logged only where the query log has whole addresses of all clients.
 */
export function identityReporter(log: ServiceLog, { config }: WorkerSettings): ReportIdentity {
  const showsDetail = strictestMode(config.log.queries.privacy) === 'full'
  const lines = new Map<string, { next: Milliseconds; suppressed: number }>()
  return ({ status, method, client, reason, detail }: Identification, isClosed: boolean): void => {
    if (status === 'known') return
    const code = CODES[status]
    const now = performance.now()
    const kind = `${code} ${method}`
    const line = lines.get(kind) ?? { next: 0, suppressed: 0 }
    lines.set(kind, line)
    if (now < line.next) {
      line.suppressed++
      return
    }
    const shown = detail !== undefined && showsDetail ? ` (${detail})` : ''
    const outcome = isClosed ? 'connection closed' : 'identified by its address'
    const { message } = failure(code, method, `${reason ?? ''}${shown}`, outcome)
    const more = line.suppressed === 0 ? {} : { suppressed: line.suppressed }
    log.warn({ code, ...(client === undefined ? {} : { client }), ...more }, message)
    lines.set(kind, { next: now + LOG_INTERVAL, suppressed: 0 })
  }
}
