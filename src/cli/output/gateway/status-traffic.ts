import type { Status } from '../../../gateway/status/status.js'
import { formatCount, formatInstant, formatNumber, formatEndpoint, formatSize } from '../format.js'
import type { StyledText } from '../layout.js'

export function listeningLines({ listening, transport }: Status): StyledText[] {
  const plain = listening.filter(({ protocol }) => protocol === 'dns').map(formatEndpoint)
  const overTls = listening.filter(({ protocol }) => protocol === 'dot').map(formatEndpoint)
  const overHttps = listening.filter(({ protocol }) => protocol === 'doh').map(formatEndpoint)
  return [
    ...(plain.length === 0 ? [] : [`${plain.join(' ')} on UDP and TCP, transport ${transport}`]),
    ...(overTls.length === 0 ? [] : [`${overTls.join(' ')} on TLS`]),
    ...(overHttps.length === 0 ? [] : [`${overHttps.join(' ')} on HTTPS`])
  ]
}

export function workerLines({ workers, silent }: Status): StyledText[] {
  const problems = workers.flatMap(({ number: index, state, since, restarts }): StyledText[] => {
    if (state === 'listening' && restarts === 0 && !silent.includes(index)) return []
    const is = silent.includes(index) ? 'is not responding' : STATES[state]
    const began = since === null ? '' : `, started ${formatInstant(since)}`
    const restarted = restarts === 0 ? '' : `, restarted ${formatCount(restarts, 'time')}`
    const isFine = state === 'listening' && !silent.includes(index)
    return [[isFine ? 'yellow' : 'red', `worker ${index} ${is}${began}${restarted}`]]
  })
  const listen = workers.filter(({ state }) => state === 'listening').length
  return [`${formatNumber(listen)} of ${formatNumber(workers.length)} listening`, ...problems]
}

const STATES = {
  starting: 'is starting',
  listening: 'is listening',
  dead: 'died and will be restarted'
} as const satisfies Record<Status['workers'][number]['state'], string>

export function queryLines({ queries, replies }: Status): StyledText[] {
  const { udp, tcp, dot, doh, waiting, forwarded, stale, failed } = queries
  const waited = forwarded + stale + failed
  const all = udp + tcp + dot + doh
  const share = all === 0 ? '' : ` (${((100 * waited) / all).toFixed(1)}%)`
  return [
    `${formatNumber(udp)} over UDP (${formatNumber(replies.sent)} answered), ${formatNumber(tcp)} over TCP${dot === 0 ? '' : `, ${formatNumber(dot)} over TLS`}${doh === 0 ? '' : `, ${formatNumber(doh)} over HTTPS`}`,
    `${formatNumber(waited)}${share} needed upstreams: ${formatNumber(forwarded)} forwarded, ` +
      `${formatNumber(stale)} stale, ${formatNumber(failed)} failed`,
    ...(waiting === 0 ? [] : [`${formatCount(waiting, 'query', 'queries')} in progress`]),
    ...(replies.unsent === 0
      ? []
      : ([
          ['yellow', `${formatCount(replies.unsent, 'reply', 'replies')} could not be sent`]
        ] as const))
  ]
}

/** Recorded lookups: all, those that rules match, or none, as the settings say. */
export function lookupLines({ recorder }: Status): StyledText[] {
  if (recorder === null) return ['unknown: the recorder is not responding']
  const some = Object.entries(recorder.lookups).filter(([, times]) => times > 0)
  if (some.length === 0) return ['none recorded']
  return [some.map(([verdict, times]) => `${formatNumber(times)} ${verdict}`).join(', ')]
}

export function cacheLines({ cache: { answers, failures } }: Status): StyledText[] {
  const usage = (cached: typeof answers): string =>
    `${formatSize(cached.octets)} of ${formatSize(cached.limitOctets)}`
  return [
    `${formatCount(answers.entries, 'answer')} in ${usage(answers)}, ` +
      `${formatCount(failures.entries, 'failure')} in ${usage(failures)}`
  ]
}

export function tcpLines({ connections }: Status): StyledText[] {
  const { open, accepted, refused, overClientLimit, evicted } = connections
  const rejected =
    `${formatNumber(refused)} refused, ${formatNumber(overClientLimit)} over the limit per client, ` +
    `${formatNumber(evicted)} closed to make room`
  return [
    `${formatCount(open, 'connection')} open, ${formatNumber(accepted)} accepted in total`,
    ...(refused + overClientLimit + evicted === 0 ? [] : [['yellow', rejected] as const])
  ]
}

export function tlsLines({ tls, listening, certificates }: Status): StyledText[] {
  if (listening.every(({ protocol }) => protocol === 'dns')) return []
  const { handshakes, resumed, failed, refused } = tls
  return [
    `${formatCount(handshakes, 'handshake')}, ${formatNumber(resumed)} resumed, ` +
      `${formatNumber(failed)} failed`,
    ...(refused === 0 ? [] : [['yellow', `${formatNumber(refused)} refused`] as const]),
    ...certificates
      .filter(({ name }) => name.startsWith('listen '))
      .map(({ name, expires }) => `${name.slice(7)} until ${formatInstant(expires)}`)
  ]
}

/** Clients that are recognized by what they present. */
export function clientLines({ identities, clients }: Status): StyledText[] {
  const { known, unknown, revoked, refused, cut } = identities
  const seen = Object.keys(clients).length
  if (known + unknown + revoked + refused + cut === 0) return []
  const rejected: [number, string][] = [
    [unknown, 'unknown'],
    [revoked, 'revoked'],
    [refused, 'refused'],
    [cut, 'closed when revoked']
  ]
  const some = rejected.filter(([count]) => count > 0)
  return [
    `${formatCount(known, 'connection')} of ${formatCount(seen, 'client')} of the rules`,
    ...(some.length === 0
      ? []
      : [['yellow', some.map(([n, what]) => `${formatNumber(n)} ${what}`).join(', ')] as const])
  ]
}

export function limitLines({ limits }: Status): StyledText[] {
  const { queries, responses, frontEnds, cpu } = limits
  const limited = { queries, 'identical responses': responses }
  const lines = Object.entries(limited).map(([what, { dropped, slipped }]): StyledText => {
    return [
      'yellow',
      `${what}: ${formatNumber(dropped)} dropped, ${formatNumber(slipped)} truncated`
    ]
  })
  const happened = [queries, responses].map(({ dropped, slipped }) => dropped + slipped > 0)
  const unidentified = `${formatCount(frontEnds.refused, 'query', 'queries')} from front ends without a client address`
  const costly = `${formatCount(cpu.closed, 'connection')} closed: clients above limits.cpu-percent`
  const exceeded: readonly StyledText[] = [
    ...lines.filter((_, i) => happened[i]),
    ...(frontEnds.refused === 0 ? [] : [['yellow', unidentified] as const]),
    ...(cpu.closed === 0 ? [] : [['yellow', costly] as const])
  ]
  return exceeded.length === 0 ? ['none exceeded'] : [...exceeded]
}
