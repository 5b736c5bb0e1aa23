import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import type { ProbeStatus } from '../probe/probe-status.js'

/** Bans, or kinds of questions without one, that have a problem of their own. */
const MOST_PROBLEMS = 10
/** So many intervals without a complete round are a problem; and a first one takes longer than an interval. */
const MOST_MISSED = 3
const PATIENCE: Milliseconds = 30_000

type Problem = readonly [code: 'PROBE_FAILING' | 'PROBE_SILENT', message: string, subject?: string]
type Failure = ProbeStatus['failures'][number]

/** One problem for each ban, with its first failure. @param now wall-clock time */
export function probeProblems(probe: ProbeStatus, now: Milliseconds): readonly Problem[] {
  const { failures, failing, everySeconds, since, last } = probe
  const byRule = new Map<string, Failure[]>()
  for (const failure of failures) {
    const key = failure.rule === '' ? failure.kind : failure.rule
    byRule.set(key, [...(byRule.get(key) ?? []), failure])
  }
  const more = failing > failures.length ? ` (${failing} failures in all)` : ''
  const problems = [...byRule].slice(0, MOST_PROBLEMS).map(([key, [first, ...rest]]) => {
    const others = rest.length === 0 ? '' : `, and ${rest.length} more`
    return ['PROBE_FAILING', `${key}: ${shown(first!)}${others}${more}`, key] as const
  })
  const silence = now - Date.parse(last?.at ?? since)
  const isSilent = silence > MOST_MISSED * everySeconds * MS_PER_SECOND + PATIENCE
  const text = `no round of probes has ended since ${last?.at ?? since}`
  return isSilent ? [...problems, ['PROBE_SILENT', text]] : problems
}

type ListenerProblem = ProbeStatus['certificates'][number]

/**
 * What clients that verify certificates find, except what the files of the certificates show already.
 *
 * @param known problems with their codes
 */
export function listenerProblems(
  probe: ProbeStatus | null,
  known: readonly (readonly [code: string, ...rest: unknown[]])[]
): readonly (readonly [ListenerProblem['code'], message: string, subject: string])[] {
  const codes = new Set(known.map(([code]) => code))
  const news = probe?.certificates.filter(({ code }) => !codes.has(code)) ?? []
  return news.map(one => [one.code, showListenerProblem(one), `${one.listener} ${one.name}`.trim()])
}

/** `dot 10.0.0.53:853: certificate not valid for dns.example: the names in it are DNS:old.example` */
export function showListenerProblem({ code, listener, name, problem }: ListenerProblem): string {
  const words: Readonly<Record<ListenerProblem['code'], string>> = {
    TLS_FAILING: 'clients cannot connect',
    CERTIFICATE_UNTRUSTED: 'clients do not trust the certificate',
    CERTIFICATE_NAME: `the certificate is not valid for ${name}`,
    CERTIFICATE_EXPIRED: 'clients reject the certificate because of its dates',
    CERTIFICATE_OUTDATED: 'an outdated certificate is served'
  }
  return `${listener}: ${words[code]}: ${problem}`
}

/** `www.tiktok.com A at udp 10.0.0.53 as 10.1.0.1 in phones: no SOA` */
function shown({ name, type, server, client, network, problem }: Failure): string {
  const words = [
    ...(name === '' ? [] : [`${name} ${type}`]),
    ...(server === '' ? [] : [`at ${server}`]),
    ...(client === '' ? [] : [`as ${client}`]),
    ...(network === '' ? [] : [`in ${network}`])
  ]
  return words.length === 0 ? problem : `${words.join(' ')}: ${problem}`
}
