/**
 * The states of health, reported separately because each calls for a different reaction:
 *
 * `serving`   clients get answers; otherwise send them elsewhere
 * `policy`    the intended rules are in force and enforced; every gateway may have the same defect
 * `evidence`  lookups and rules are recorded
 */
export const HEALTH_STATES = ['serving', 'policy', 'evidence'] as const
export type HealthState = (typeof HEALTH_STATES)[number]

export interface ProblemKind {
  /** The state that it affects: each code affects exactly one. */
  readonly state: HealthState
  /** True if it fails the state; otherwise it is only reported. */
  readonly fails: boolean
}

const fails = (state: HealthState): ProblemKind => ({ state, fails: true })
const warns = (state: HealthState): ProblemKind => ({ state, fails: false })

/** All problems. Codes are public, see docs/reference/admin-socket.md. */
export const PROBLEMS = {
  STOPPING: fails('serving'),
  WORKER_DOWN: fails('serving'),
  WORKER_SILENT: fails('serving'),
  WORKER_OUTDATED: fails('policy'),
  RULES_REFUSED: fails('policy'),
  RELOAD_STUCK: fails('policy'),
  HISTORY_GAP: fails('evidence'),
  POLICY_TESTS_FAILING: fails('policy'),
  MANDATE_UNMET: fails('policy'),
  MANDATE_INVALID: fails('policy'),
  RULES_WAITING: warns('policy'),
  SECRETS_REFUSED: warns('serving'),
  SETTINGS_REFUSED: warns('policy'),
  LOG_UNWRITABLE: fails('evidence'),
  RECORDER_SILENT: fails('evidence'),
  LOG_MISPLACED: warns('evidence'),
  PRIVACY_KEY: warns('evidence'),
  LOG_UNWITNESSED: fails('evidence'),
  EGRESS_UNOBSERVED: warns('evidence'),
  EGRESS_UNDENIED: fails('policy'),
  EGRESS_CHANGED: warns('policy'),
  EGRESS_FOUND: warns('policy'),
  UPSTREAMS_DOWN: fails('serving'),
  UPSTREAMS_UNKNOWN: fails('serving'),
  PROBE_FAILING: fails('policy'),
  PROBE_SILENT: warns('policy'),
  UPSTREAM_DOWN: warns('serving'),
  FORWARDING_LOOP: warns('serving'),
  TRANSPORT_PORTABLE: warns('serving'),
  TLS_PORTABLE: warns('serving'),
  PROGRAM_OUTDATED: warns('serving'),
  BAN_REMOVED: warns('policy'),
  LIST_SHRUNK: warns('policy'),
  BLOCK_PAUSED: warns('policy'),
  SCOPE_UNCOVERED: warns('policy'),
  CERTIFICATE_NAME: warns('serving'),
  CERTIFICATE_UNTRUSTED: warns('serving'),
  CERTIFICATE_OUTDATED: warns('serving'),
  TLS_FAILING: warns('serving'),
  BUNDLE_EXPIRED: warns('policy'),
  ROOT_EXPIRED: warns('policy'),
  CATALOGUE_FAILING: warns('policy'),
  CATALOGUE_EXPIRED: warns('policy'),
  LIST_EXPIRED: warns('policy'),
  LIST_MISSING: fails('policy'),
  LIST_QUARANTINED: warns('policy'),
  ZONE_EXPIRED: warns('policy'),
  ZONE_MISSING: fails('policy'),
  ARCHIVE_FAILED: warns('evidence'),
  OUTPUT_DISCONNECTED: warns('evidence'),
  CERTIFICATE_EXPIRED: warns('serving'),
  CERTIFICATE_REFUSED: warns('serving'),
  ALERTS_FAILING: warns('evidence'),
  REPORTS_FAILING: warns('evidence'),
  FLEET_SILENT: warns('policy'),
  FLEET_BEHIND: fails('policy')
} as const satisfies Readonly<Record<string, ProblemKind>>

export type ProblemCode = keyof typeof PROBLEMS

/** True if a problem with this code fails its state; false for a code of another version. */
export function failsState(code: string): boolean {
  return Object.hasOwn(PROBLEMS, code) && PROBLEMS[code as ProblemCode].fails
}
