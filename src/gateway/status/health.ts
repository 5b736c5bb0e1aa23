import type { Milliseconds } from '../../base/units.js'
import { FLEET_PATIENCE, firstError, type FoundProblem } from './found-problem.js'
import { notEnforced } from './not-enforced.js'
import { listenerProblems } from './probe-health.js'
import { PROBLEMS, type HealthState, type ProblemCode } from './problems.js'
import type { Status } from './status.js'

/**
 * Something that needs a person, or a moment. Codes are public, see docs/reference/admin-socket.md.
 */
export interface HealthProblem {
  readonly code: ProblemCode
  /** The state that it affects. */
  readonly state: HealthState
  /** What of several it is about: an upstream, a list, a worker; null: the gateway. */
  readonly subject: string | null
  /** The problem in plain text. */
  readonly message: string
}

/** A connection that bypasses the resolver is a problem for this long. */
const FINDING_MEMORY: Milliseconds = 3_600_000

/** Whether the gateway does what its settings and rules ask for. */
export interface Health {
  /** True if clients should be sent here: `serving` and the states in `admin.ready-requires` are good. */
  readonly ready: boolean
  /** For each state, true if it is good. */
  readonly states: Readonly<Record<HealthState, boolean>>
  readonly problems: readonly HealthProblem[]
}

/** What `interdict status` gets. */
export interface StatusReply extends Status {
  readonly health: Health
}

export const withHealth = (status: Status): StatusReply => ({
  ...status,
  health: healthOf(status),
  enforcement: { ...status.enforcement, against: notEnforced(status) }
})

const noKey = (why: string): string => `${why}; pseudonyms in the query log cannot be derived later`

const MISPLACED =
  'the query log is not where the settings say: somebody moved the file or its folder; it is created again within a minute'

/** Judges a status: the state now, not what has happened since the start. */
export function healthOf(status: Status): Health {
  const against = notEnforced(status).map(({ code, message, subject }): FoundProblem => {
    return [code, message, subject ?? undefined]
  })
  const found = [...CHECKS.flatMap(check => check(status)), ...against]
  const all = [...found, ...listenerProblems(status.probe, found)].sort(
    ([a], [b]) => ORDER.indexOf(a) - ORDER.indexOf(b)
  )
  const problems = all.map(([code, message, subject = null]): HealthProblem => {
    return { code, state: PROBLEMS[code].state, subject, message }
  })
  const isGood = (state: HealthState): boolean =>
    !problems.some(({ code }) => PROBLEMS[code].fails && PROBLEMS[code].state === state)
  const states = {
    serving: isGood('serving'),
    policy: isGood('policy'),
    evidence: isGood('evidence')
  }
  const ready = states.serving && status.readyRequires.every(state => states[state])
  return { ready, states, problems }
}

/** Problems are shown in the order of the table. */
const ORDER = Object.keys(PROBLEMS)

const CHECKS: readonly ((status: Status) => readonly FoundProblem[])[] = [
  ({ stopping }) => (stopping ? [['STOPPING', 'the gateway is about to stop']] : []),
  ({ workers }) =>
    workers.flatMap(({ number, state }) =>
      state === 'listening'
        ? []
        : [['WORKER_DOWN', `worker ${number} is not listening`, String(number)] as const]
    ),
  ({ silent }) =>
    silent.map(number => {
      return ['WORKER_SILENT', `worker ${number} does not respond`, String(number)] as const
    }),
  ({ rules: { reload } }) => {
    if (reload === null || reload.errors === 0 || reload.outcome === 'refused') return []
    const errors = firstError(reload)
    return [['SECRETS_REFUSED', `secret file rejected, previous secrets remain in use: ${errors}`]]
  },
  ({ rules: { waiting } }) => {
    if (waiting === null) return []
    const { since, sha256, errors } = waiting
    const what = sha256 === null ? `with errors: ${firstError(waiting)}` : `SHA-256 ${sha256}`
    const then = errors > 0 ? '' : '; see interdict plan and interdict apply'
    return [['RULES_WAITING', `saved rules wait to be applied since ${since}: ${what}${then}`]]
  },
  ({ settings }) => {
    const reload = settings?.reload
    if (reload?.outcome !== 'refused') return []
    const errors = firstError(reload)
    return [['SETTINGS_REFUSED', `settings rejected, previous settings remain in force: ${errors}`]]
  },
  ({ history: { incompleteSince, error } }) => {
    if (incompleteSince === null) return []
    const why = error?.message ?? 'no details'
    return [['HISTORY_GAP', `the history of rules has a gap since ${incompleteSince}: ${why}`]]
  },
  ({ recorder }) => {
    if (recorder === null) return [['RECORDER_SILENT', 'the query log does not respond']]
    if (!recorder.writable) return [['LOG_UNWRITABLE', 'the query log cannot be written']]
    return [
      ...(recorder.misplaced ? [['LOG_MISPLACED', MISPLACED] as const] : []),
      ...(recorder.keyError === null ? [] : [['PRIVACY_KEY', noKey(recorder.keyError)] as const])
    ]
  },
  ({ observation }) => {
    if (observation === null || observation.reading || observation.error === null) return []
    const { error } = observation
    return [['EGRESS_UNOBSERVED', `connections of clients are not observed: ${error}`]]
  },
  ({ observation }) => {
    const { error = null, restored } = observation?.deny ?? {}
    const last = restored?.last ?? null
    return [
      ...(error === null
        ? []
        : [['EGRESS_UNDENIED', `egress: deny is not in force as ordered: ${error}`] as const]),
      ...(last === null || Date.now() - Date.parse(last) > FINDING_MEMORY
        ? []
        : [
            [
              'EGRESS_CHANGED',
              `another program changed the table of denied addresses at ${last}; it was restored`
            ] as const
          ])
    ]
  },
  ({ observation }) => {
    const last = observation?.lastFinding ?? -Infinity
    if (Date.now() - last > FINDING_MEMORY) return []
    const at = new Date(last).toISOString()
    const message = `clients bypass this resolver by address, last at ${at}: see interdict report egress`
    return [['EGRESS_FOUND', message]]
  },
  ({ slowTransport }) => (slowTransport === null ? [] : [['TRANSPORT_PORTABLE', slowTransport]]),
  ({ slowTls }) => (slowTls === null ? [] : [['TLS_PORTABLE', slowTls]]),
  ({ version, installed }) => {
    if (installed === null || installed === version) return []
    const message = `version ${version} runs, ${installed} is installed: run interdict upgrade`
    return [['PROGRAM_OUTDATED', message]]
  },
  ({ rules: { bundle } }) =>
    bundle?.state === 'expired'
      ? [['BUNDLE_EXPIRED', `bundle ${bundle.serial} expired at ${bundle.expires}`]]
      : [],
  ({ rules: { bundle } }) => {
    const { version, expires, state } = bundle?.root ?? {}
    if (state !== 'expired') return []
    const message = `root of trust ${version} expired at ${expires}: no new bundle is accepted`
    return [['ROOT_EXPIRED', message]]
  },
  ({ certificates }) =>
    certificates.flatMap(({ name, uncovered }) => {
      if (uncovered.length === 0) return []
      const message = `certificate of ${name} does not cover ${uncovered.join(', ')}: clients that verify it cannot connect`
      return [['CERTIFICATE_NAME', message, name] as const]
    }),
  ({ archive }) => {
    const last = archive?.last ?? undefined
    if (last === undefined || last.outcome === 'done') return []
    return [['ARCHIVE_FAILED', `maintenance of the query log failed: ${firstError(last)}`]]
  },
  ({ witness }) =>
    (witness ?? []).flatMap(({ by, to, missingSince, error }) => {
      if (missingSince === null) return []
      const why = error?.message ?? 'the chain has no new checkpoint'
      const message = `the query log is not witnessed by ${by} ${to} since ${missingSince}: ${why}`
      return [['LOG_UNWITNESSED', message, by] as const]
    }),
  ({ recorder }) =>
    (recorder?.outputs ?? [])
      .filter(({ connected, sent, waitingOctets }) => !connected && sent + waitingOctets > 0)
      .map(({ name }) => {
        return ['OUTPUT_DISCONNECTED', `output ${name} is not connected`, name] as const
      }),
  ({ certificates }) =>
    certificates
      .filter(({ expires }) => Date.parse(expires) <= Date.now())
      .map(({ name, expires }) => {
        return [
          'CERTIFICATE_EXPIRED',
          `certificate of ${name} expired at ${expires}`,
          name
        ] as const
      }),
  ({ certificates }) =>
    certificates.flatMap(({ name, error }) => {
      if (error === null) return []
      return [
        [
          'CERTIFICATE_REFUSED',
          `the new certificate of ${name} is unusable, the previous one is in use: ${error}`,
          name
        ] as const
      ]
    }),
  ({ alerts }) =>
    alerts.flatMap(({ name, error }) =>
      error === null ? [] : [['ALERTS_FAILING', error, name] as const]
    ),
  ({ reports }) =>
    reports.flatMap(({ name, error }) => {
      return error === null ? [] : [['REPORTS_FAILING', `report ${name}: ${error}`, name] as const]
    }),
  ({ catalogue }) => {
    const { error = null, inForce = null } = catalogue ?? {}
    const failing: FoundProblem = ['CATALOGUE_FAILING', error?.message ?? '']
    const expired: FoundProblem = [
      'CATALOGUE_EXPIRED',
      `catalogue ${inForce?.version} expired ${inForce?.expires} and remains in force; update it`
    ]
    const isExpired = inForce !== null && Date.parse(inForce.expires) <= Date.now()
    return [...(error === null ? [] : [failing]), ...(isExpired ? [expired] : [])]
  },
  ({ fleet }) => {
    const since = fleet?.silentSince ?? null
    if (since === null || Date.now() - Date.parse(since) < FLEET_PATIENCE) return []
    const why = fleet?.error == null ? '' : `: ${fleet.error.message}`
    return [['FLEET_SILENT', `no contact with the fleet since ${since}${why}`]]
  }
]
