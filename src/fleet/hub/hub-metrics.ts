import { ringOf, ringViews, stateOf, type RingView, type Sources } from './views.js'

interface ReportCounts {
  readonly dropped: Readonly<Record<string, number>>
  readonly accepted: number
  /** To NATS. */
  readonly connected: boolean
  /** This hub leads the fleet. */
  readonly leads: boolean
  /** Other hubs that it has not seen for two minutes. */
  readonly missing: number
}

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number]

const PHASES = ['soaking', 'done', 'halted'] as const
const STATES = ['running', 'behind', 'refusing', 'silent', 'unseen'] as const

/** Metrics of the hub in the text format of Prometheus: per ring, never per gateway. */
export function hubMetrics(sources: Sources, counts: ReportCounts): string {
  const { gateways, state } = sources
  const { dropped, accepted, connected, leads, missing } = counts
  const rings = ringViews(sources)
  const byState = new Map<string, number>()
  for (const one of gateways) {
    const key = `${ringOf(one, state)} ${stateOf(one, sources)}`
    byState.set(key, (byState.get(key) ?? 0) + 1)
  }
  const byRing = (value: (ring: RingView) => number | null): Sample[] =>
    rings.flatMap(ring => {
      const number = value(ring)
      return number === null ? [] : [[{ ring: ring.ring }, number] as const]
    })
  const offsets = gateways.map(({ clockOffset }) => Math.abs(clockOffset ?? 0))
  return [
    family('hub_nats_connected', 'gauge', 'Whether the hub is connected to NATS: 1 or 0.', [
      [{}, connected ? 1 : 0]
    ]),
    family('hub_leader', 'gauge', 'Whether this hub leads the fleet: 1, or 0 on standby.', [
      [{}, leads ? 1 : 0]
    ]),
    family('hub_missing', 'gauge', 'Other hubs that the leader has not seen for two minutes.', [
      [{}, missing]
    ]),
    family(
      'hub_gateways',
      'gauge',
      'Gateways by ring and state.',
      rings.flatMap(({ ring }) =>
        STATES.map(state => [{ ring, state }, byState.get(`${ring} ${state}`) ?? 0] as const)
      )
    ),
    family(
      'hub_gateways_not_ready',
      'gauge',
      'Gateways that are not ready, by ring.',
      byRing(({ notReady }) => notReady)
    ),
    family(
      'hub_ring_bundle_serial',
      'gauge',
      'Serial that a ring should run.',
      byRing(({ serial }) => serial)
    ),
    family(
      'hub_ring_phase',
      'gauge',
      'Phase of the bundle of a ring: 1 for the one it is in.',
      rings.flatMap(({ ring, phase }) =>
        PHASES.map(one => [{ ring, phase: one }, one === phase ? 1 : 0] as const)
      )
    ),
    family(
      'hub_ring_blocked_ratio',
      'gauge',
      'Share of blocked lookups with the bundle of the ring.',
      byRing(({ shares }) => shares.blocked)
    ),
    family(
      'hub_ring_servfail_ratio',
      'gauge',
      'Share of SERVFAIL responses with the bundle of the ring.',
      byRing(({ shares }) => shares.servfail)
    ),
    family(
      'hub_ring_response_seconds',
      'gauge',
      'Mean response time with the bundle of the ring.',
      byRing(({ shares }) => (shares.latency === null ? null : shares.latency / 1000))
    ),
    family(
      'hub_clock_offset_seconds_max',
      'gauge',
      'Largest difference between the clock of a gateway and that of the hub.',
      [[{}, offsets.reduce((most, one) => Math.max(most, one), 0) / 1000]]
    ),
    family('hub_reports_total', 'counter', 'Reports that were taken.', [[{}, accepted]]),
    family(
      'hub_reports_dropped_total',
      'counter',
      'Reports that were dropped, by reason.',
      Object.entries(dropped).map(([reason, value]) => [{ reason }, value] as const)
    )
  ].join('')
}

function family(
  name: string,
  type: 'gauge' | 'counter',
  help: string,
  samples: readonly Sample[]
): string {
  const lines = samples.map(([labels, value]) => {
    const text = Object.entries(labels).map(([key, label]) => `${key}="${label}"`)
    return `interdict_${name}${text.length === 0 ? '' : `{${text.join(',')}}`} ${value}\n`
  })
  return `# HELP interdict_${name} ${help}\n# TYPE interdict_${name} ${type}\n${lines.join('')}`
}
