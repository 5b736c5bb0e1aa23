import type { Position } from '../../base/errors/position.js'
import type { Milliseconds } from '../../base/units.js'
import type { HttpProxy } from '../../wire/http/http-proxy.js'

/**
 * What alerts can be about. Names are public and stable: docs/reference/alerts.md. Problems of the gateway's
 * health have the name of their code.
 */
export const ALERT_EVENTS = [
  'worker-down',
  'worker-silent',
  'worker-outdated',
  'worker-restarted',
  'rules-refused',
  'policy-tests-failing',
  'mandate-unmet',
  'mandate-invalid',
  'rules-waiting',
  'history-gap',
  'reload-stuck',
  'secrets-refused',
  'settings-refused',
  'rule-ending',
  'log-unwritable',
  'recorder-silent',
  'log-misplaced',
  'log-unwitnessed',
  'egress-unobserved',
  'egress-undenied',
  'egress-changed',
  'egress-found',
  'privacy-key',
  'archive-failed',
  'output-disconnected',
  'upstreams-down',
  'probe-failing',
  'probe-silent',
  'upstream-down',
  'forwarding-loop',
  'transport-portable',
  'tls-portable',
  'program-outdated',
  'ban-removed',
  'list-shrunk',
  'block-paused',
  'scope-uncovered',
  'certificate-name',
  'certificate-untrusted',
  'certificate-outdated',
  'tls-failing',
  'bundle-ending',
  'bundle-expired',
  'root-ending',
  'root-expired',
  'catalogue-failing',
  'catalogue-expired',
  'list-expired',
  'list-missing',
  'list-quarantined',
  'zone-expired',
  'zone-missing',
  'certificate-ending',
  'certificate-expired',
  'certificate-refused',
  'alerts-failing',
  'reports-failing',
  'fleet-silent',
  'fleet-behind'
] as const

/** The same for the hub of a fleet: docs/reference/alerts.md. */
export const HUB_ALERT_EVENTS = [
  'ring-halted',
  'gateways-behind',
  'gateways-silent',
  'gateways-not-ready',
  'nats-disconnected',
  'nats-peers',
  'nats-altered',
  'bundle-undelivered',
  'hub-missing'
] as const

export type AlertEvent = (typeof ALERT_EVENTS)[number] | (typeof HUB_ALERT_EVENTS)[number]

/** A webhook that gets alerts. */
export interface AlertHookConfig {
  readonly name: string
  /** May have a secret in its path: it is never logged. */
  readonly url: string
  readonly events: readonly AlertEvent[]
  /** Undefined: alerts are not signed. */
  readonly secretFile: string | undefined
  /** CA certificates trusted in addition to the built-in ones. */
  readonly caFile: string | undefined
  readonly proxy?: HttpProxy | undefined
  /** How long before an end an alert is raised. */
  readonly endingWithin: Milliseconds
  /** How often an alert that lasts is sent again; 0: never. */
  readonly resend: Milliseconds
  /** For one try. */
  readonly timeout: Milliseconds
  /** Position of the hook, for errors of its files. */
  readonly position: Position
}
