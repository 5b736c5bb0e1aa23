import type { Milliseconds } from '../../base/units.js'
import { listenerProblems, probeProblems } from './probe-health.js'
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

export const withHealth = (status: Status): StatusReply => ({ ...status, health: healthOf(status) })

/** A fleet is silent, or a gateway behind, for so long before that is a problem. */
const FLEET_PATIENCE: Milliseconds = 300_000

const NO_UPSTREAM =
  'there is no upstream: none is configured, and resolv.conf has none that can be used'

const noKey = (why: string): string => `${why}; pseudonyms in the query log cannot be derived later`

const MISPLACED =
  'the query log is not where the settings say: somebody moved the file or its folder; it is created again within a minute'

type Found = readonly (readonly [code: HealthProblem['code'], message: string, subject?: string])[]

/** Judges a status: the state now, not what has happened since the start. */
export function healthOf(status: Status): Health {
  const found = CHECKS.flatMap(check => check(status))
  const all = [...found, ...listenerProblems(status.probe, found)]
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

const CHECKS: readonly ((status: Status) => Found)[] = [
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
  ({ workers, rules: { generation: active } }) =>
    workers.flatMap(({ number, state, generation }) => {
      if (state !== 'listening' || generation >= active) return []
      const message = `worker ${number} answers by generation ${generation} of the rules, not ${active}`
      return [['WORKER_OUTDATED', message, String(number)] as const]
    }),
  ({ rules: { reload } }) => {
    if (reload === null || reload.errors === 0) return []
    const errors = firstError(reload)
    return reload.outcome === 'refused'
      ? [['RULES_REFUSED', `rules rejected, previous rules remain active: ${errors}`]]
      : [['SECRETS_REFUSED', `secret file rejected, previous secrets remain in use: ${errors}`]]
  },
  ({ rules: { waiting } }) => {
    if (waiting === null) return []
    const { since, sha256, errors } = waiting
    const what = sha256 === null ? `with errors: ${firstError(waiting)}` : `SHA-256 ${sha256}`
    const then = errors > 0 ? '' : '; see interdict plan and interdict apply'
    return [['RULES_WAITING', `saved rules wait to be applied since ${since}: ${what}${then}`]]
  },
  ({ rules: { tests } }) => {
    if (tests.failed === 0) return []
    const which = firstError({ errors: tests.failed, first: tests.first })
    return [['POLICY_TESTS_FAILING', `policy tests fail under the rules in force: ${which}`]]
  },
  ({ rules: { mandates } }) => {
    const { shortfalls, first, problems } = mandates
    const unmet = firstError({ errors: shortfalls, first })
    const invalid = firstError({ errors: problems.length, first: problems })
    return [
      ...(shortfalls === 0
        ? []
        : [['MANDATE_UNMET', `the rules in force do not satisfy all mandates: ${unmet}`] as const]),
      ...(problems.length === 0
        ? []
        : [['MANDATE_INVALID', `mandates are missing or invalid: ${invalid}`] as const])
    ]
  },
  ({ settings }) => {
    const reload = settings?.reload
    if (reload?.outcome !== 'refused') return []
    const errors = firstError(reload)
    return [['SETTINGS_REFUSED', `settings rejected, previous settings remain in force: ${errors}`]]
  },
  ({ rules: { reloadStuckSince: since } }) =>
    since === null ? [] : [['RELOAD_STUCK', `a reload that began at ${since} has not ended`]],
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
  ({ upstreams }) => {
    if (upstreams.length === 0) return [['UPSTREAMS_DOWN', NO_UPSTREAM]]
    const defaults = upstreams.filter(({ isDefault }) => isDefault)
    const areDown = [defaults, upstreams].some(
      all => all.length > 0 && all.every(({ state }) => state === 'down')
    )
    const used = defaults.length > 0 ? defaults : upstreams
    const areUnknown =
      used.some(({ state, probed }) => state === 'unknown' && probed) &&
      used.every(({ state }) => state !== 'up')
    const all: Found = areDown
      ? [['UPSTREAMS_DOWN', 'no upstream answers']]
      : areUnknown
        ? [['UPSTREAMS_UNKNOWN', 'no upstream has answered yet since the start']]
        : []
    if (upstreams.length === 1) return all
    const down = upstreams.filter(({ state }) => state === 'down')
    const each = down.map(({ address }) => {
      return ['UPSTREAM_DOWN', `upstream ${address} does not answer`, address] as const
    })
    return [...all, ...each]
  },
  ({ probe }) => (probe === null ? [] : probeProblems(probe, Date.now())),
  ({ upstreams }) =>
    upstreams.flatMap(({ address, loopsFor }) =>
      loopsFor.map(domain => {
        const message = `upstream ${address} forwards ${domain} back to this gateway`
        return ['FORWARDING_LOOP', message, `${address} ${domain}`] as const
      })
    ),
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
  ({ remoteLists }) =>
    remoteLists.flatMap(({ list, state, isQuarantined, confirmed }): Found => {
      const held = `${list}: a much shorter version awaits interdict lists confirm`
      const expired = `${list}: no download has succeeded since ${confirmed}`
      return [
        ...(state === 'missing'
          ? [['LIST_MISSING', `${list} was never downloaded`, list] as const]
          : []),
        ...(state === 'expired' ? [['LIST_EXPIRED', expired, list] as const] : []),
        ...(isQuarantined ? [['LIST_QUARANTINED', held, list] as const] : [])
      ]
    }),
  ({ rules: { removedBans } }) =>
    removedBans.map(({ id, since }) => {
      const message = `ban ${id} was in force until ${since}, when a change of the rules ended it`
      return ['BAN_REMOVED', message, id] as const
    }),
  ({ rules: { shrunkLists } }) =>
    shrunkLists.map(({ id, before, now, since }) => {
      const message = `${id}: shrank from ${before} to ${now} entries at ${since}; restore its file, or run interdict lists confirm ${id}`
      return ['LIST_SHRUNK', message, id] as const
    }),
  ({ certificates }) =>
    certificates.flatMap(({ name, uncovered }) => {
      if (uncovered.length === 0) return []
      const message = `certificate of ${name} does not cover ${uncovered.join(', ')}: clients that verify it cannot connect`
      return [['CERTIFICATE_NAME', message, name] as const]
    }),
  ({ zones }) =>
    zones.flatMap(({ list, zone, state, copy }): Found => {
      const missing = `${list}: ${zone} was never transferred`
      if (state === 'missing') return [['ZONE_MISSING', missing, list]]
      const expired = `${list}: ${zone} expired at ${copy?.expires}`
      return state === 'expired' ? [['ZONE_EXPIRED', expired, list]] : []
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
  ({ fleet }) => {
    if (fleet === null || Date.now() - Date.parse(fleet.silentSince) < FLEET_PATIENCE) return []
    const why = fleet.error === null ? '' : `: ${fleet.error.message}`
    return [['FLEET_SILENT', `no contact with the fleet since ${fleet.silentSince}${why}`]]
  },
  ({ fleet, rules: { bundle } }) => {
    const since = fleet?.wantedSince ?? null
    if (fleet === null || since === null || fleet.wanted === bundle?.serial) return []
    if (Date.now() - Date.parse(since) < FLEET_PATIENCE) return []
    const why = fleet.error === null ? '' : `: ${fleet.error.message}`
    const active = bundle?.serial ?? 'none'
    return [['FLEET_BEHIND', `the fleet wants bundle ${fleet.wanted}, in force is ${active}${why}`]]
  }
]

function firstError({ errors, first }: { errors: number; first: readonly { message: string }[] }) {
  const more = errors > 1 ? ` (and ${errors - 1} more)` : ''
  return `${first[0]?.message ?? 'no details'}${more}`
}
