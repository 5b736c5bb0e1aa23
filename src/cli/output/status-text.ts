import { PROBLEMS, type Health, type StatusReply } from '../../daemon/admin/health.js'
import type { ListStatus, Status } from '../../daemon/admin/status.js'
import type { UpstreamStatus } from '../../daemon/admin/upstream-status.js'
import { escapeControls } from '../../querylog/record/terminal-line.js'
import { paint } from '../io.js'
import { archiveLines, chainLines } from './archive-text.js'
import {
  formatCount,
  formatInstant,
  formatDuration,
  formatNumber,
  formatEndpoint,
  formatSize
} from './format.js'
import { section, table, type StyledText, errorLines } from './layout.js'
/** Longer addresses get a line of their own, so that the table fits. */
const ADDRESS = 26

/** @param columns of the terminal, if it is one */
export function toText(status: StatusReply, columns?: number): string {
  const { version, started, uptimeSeconds, upstreams } = status
  const up = `up for ${formatDuration(uptimeSeconds)}, since ${formatInstant(started)}`
  const lines = [
    paint('bold', `interdict ${version}, ${up}`),
    '',
    ...section('Health', healthStyled(status.health), columns),
    ...SECTIONS.flatMap(([label, linesOf]) => section(label, linesOf(status), columns)),
    ...(upstreams.length === 0 ? [] : ['', ...upstreamTable(upstreams)])
  ]
  return `${lines.join('\n')}\n`
}

/** One line each: `healthy`, or the problems with their codes. */
export function healthLines({ problems }: Health): string[] {
  return problems.length === 0 ? ['healthy'] : problemLines(problems)
}

export function problemLines(problems: Health['problems']): string[] {
  return problems.map(({ code, message }) => `${escapeControls(message)} (${code})`)
}

function healthStyled({ ready, problems }: Health): StyledText[] {
  if (problems.length === 0) return [['green', 'ready, no problem']]
  const lines = problemLines(problems)
  const colours = problems.map(({ code }) => (PROBLEMS[code] ? 'red' : 'yellow'))
  const first: StyledText = ready ? 'ready' : ['red', 'not ready']
  return [first, ...lines.map((line, i): StyledText => [colours[i]!, line])]
}

const SECTIONS: readonly (readonly [string, (status: Status) => readonly StyledText[]])[] = [
  ['Rules', rulesLines],
  ['Settings', settingsLines],
  ['Zones', zoneLines],
  ['Listening', listeningLines],
  ['Workers', workerLines],
  ['Queries', queryLines],
  ['Lookups', lookupLines],
  ['Cache', cacheLines],
  ['TCP', tcpLines],
  ['TLS', tlsLines],
  ['Clients', clientLines],
  ['Limits', limitLines],
  ['Query log', recorderLines],
  ['Archive', archiveLines],
  ['Chain', chainLines],
  ['Outputs', outputLines],
  ['Alerts', alertLines],
  ['Reports', reportLines],
  ['Fleet', fleetLines],
  ['Upstreams', upstreamLines]
]

function rulesLines({ rules }: Status): StyledText[] {
  const { generation, since, sha256, networks, bans, names, reload, reloadStuckSince } = rules
  const compiling = rules.lists.flatMap(compilingLines)
  const all = formatCount(rules.rules, 'rule')
  const sums = `${formatCount(networks, 'network')}, ${all} (${formatCount(bans, 'ban')})`
  return [
    `generation ${generation}, in force since ${formatInstant(since)}`,
    `${sums}, ${formatCount(names, 'name')}`,
    `SHA-256 ${sha256}`,
    ...bundleLines(rules.bundle),
    ...dueLines(rules),
    ...(reload === null ? [] : reloadLines(reload, 'rules')),
    ...compiling,
    ...stuckLines(reloadStuckSince)
  ]
}

function settingsLines({ settings }: Status): StyledText[] {
  if (settings === null) return []
  const { file, sha256, generation, since, reload, restart } = settings
  return [
    `generation ${generation}, in force since ${formatInstant(since)}`,
    sha256 === null ? `no file at ${file}: defaults` : `${file}, SHA-256 ${sha256}`,
    ...(reload === null ? [] : reloadLines(reload, 'settings')),
    ...restart.map(({ key, running, wanted }): StyledText => {
      return ['yellow', `${key} takes effect after restart: ${running} → ${wanted}`]
    })
  ]
}

function bundleLines(bundle: Status['rules']['bundle']): StyledText[] {
  if (bundle === null) return []
  const { serial, created, expires, state, newest, rollback } = bundle
  const ends = { good: 'expires', ending: 'expires soon:', expired: 'expired' }[state]
  const line = `bundle ${serial}, created ${formatInstant(created)}, ${ends} ${formatInstant(expires)}`
  const colour = { good: undefined, ending: 'yellow', expired: 'red' } as const
  const highlight = colour[state]
  const first: StyledText = highlight === undefined ? line : [highlight, line]
  if (rollback === null) return [first]
  const { by, at } = rollback
  return [
    first,
    ['yellow', `rolled back from ${rollback.from} by ${by} at ${at}; newest accepted: ${newest}`]
  ]
}

function dueLines({ ending, reviewsDue }: Status['rules']): StyledText[] {
  const ends = ending === 1 ? 'ends' : 'end'
  const parts = [
    ...(ending === 0
      ? []
      : [
          `${formatCount(ending, 'ban or exception', 'bans and exceptions')} ${ends} within 14 days`
        ]),
    ...(reviewsDue === 0 ? [] : [`${formatCount(reviewsDue, 'review')} due`])
  ]
  return parts.length === 0 ? [] : [['yellow', `${parts.join(', ')}: see interdict bans`]]
}

function compilingLines({ id, compiled, compilingSince }: ListStatus): StyledText[] {
  if (compilingSince === null) return []
  const active = compiled === null ? 'its rules match nothing yet' : 'previous version in force'
  return [['yellow', `list ${id} compiling since ${formatInstant(compilingSince)}; ${active}`]]
}

function stuckLines(since: string | null): StyledText[] {
  if (since === null) return []
  return [['red', `reload stuck since ${formatInstant(since)}; previous rules remain in force`]]
}

function reloadLines(
  reload: NonNullable<Status['rules']['reload']>,
  what: 'rules' | 'settings'
): StyledText[] {
  const { at, reason, outcome, errors } = reload
  const colour = outcome === 'refused' ? 'red' : errors > 0 ? 'yellow' : 'green'
  const found = errors > 0 ? `, ${formatCount(errors, 'error')}` : ''
  const kept = outcome === 'refused' ? `; previous ${what} remain in force` : ''
  return [
    [colour, `reloaded ${formatInstant(at)} (${reason}): ${outcome}${found}${kept}`],
    ...errorLines(reload)
  ]
}

function zoneLines({ zones }: Status): StyledText[] {
  return zones.map(({ list, zone, state, failures, copy }): StyledText => {
    if (copy === null) return ['red', `${list}: ${zone} never transferred`]
    const { serial, primary, confirmed, expires } = copy
    const line = `${list}: ${zone}, serial ${serial} of ${primary}, confirmed ${formatInstant(confirmed)}`
    const failed = `, ${formatCount(failures, 'failure')} since`
    if (state === 'good') return line
    if (state === 'failing') return ['yellow', `${line}${failed}`]
    return ['red', `${line}${failed}; expired ${formatInstant(expires)}, still in force`]
  })
}

function listeningLines({ listening, transport }: Status): StyledText[] {
  const plain = listening.filter(({ protocol }) => protocol === 'dns').map(formatEndpoint)
  const overTls = listening.filter(({ protocol }) => protocol === 'dot').map(formatEndpoint)
  const overHttps = listening.filter(({ protocol }) => protocol === 'doh').map(formatEndpoint)
  return [
    ...(plain.length === 0 ? [] : [`${plain.join(' ')} on UDP and TCP, transport ${transport}`]),
    ...(overTls.length === 0 ? [] : [`${overTls.join(' ')} on TLS`]),
    ...(overHttps.length === 0 ? [] : [`${overHttps.join(' ')} on HTTPS`])
  ]
}

function workerLines({ workers, silent }: Status): StyledText[] {
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

function queryLines({ queries, replies }: Status): StyledText[] {
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
function lookupLines({ recorder }: Status): StyledText[] {
  if (recorder === null) return ['unknown: the recorder is not responding']
  const some = Object.entries(recorder.lookups).filter(([, times]) => times > 0)
  if (some.length === 0) return ['none recorded']
  return [some.map(([verdict, times]) => `${formatNumber(times)} ${verdict}`).join(', ')]
}

function cacheLines({ cache: { answers, failures } }: Status): StyledText[] {
  const usage = (cached: typeof answers): string =>
    `${formatSize(cached.octets)} of ${formatSize(cached.limitOctets)}`
  return [
    `${formatCount(answers.entries, 'answer')} in ${usage(answers)}, ` +
      `${formatCount(failures.entries, 'failure')} in ${usage(failures)}`
  ]
}

function tcpLines({ connections }: Status): StyledText[] {
  const { open, accepted, refused, overClientLimit } = connections
  const rejected = `${formatNumber(refused)} refused, ${formatNumber(overClientLimit)} over the limit per client`
  return [
    `${formatCount(open, 'connection')} open, ${formatNumber(accepted)} accepted in total`,
    ...(refused + overClientLimit === 0 ? [] : [['yellow', rejected] as const])
  ]
}

function tlsLines({ tls, listening, certificates }: Status): StyledText[] {
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
function clientLines({ identities, clients }: Status): StyledText[] {
  const { known, fewerBans, unknown, revoked, refused, cut } = identities
  const seen = Object.keys(clients).length
  if (known + fewerBans + unknown + revoked + refused + cut === 0) return []
  const rejected: [number, string][] = [
    [unknown, 'unknown'],
    [revoked, 'revoked'],
    [refused, 'refused'],
    [cut, 'closed when revoked']
  ]
  const some = rejected.filter(([count]) => count > 0)
  const stayed =
    fewerBans === 0 ? '' : `, ${formatNumber(fewerBans)} kept in a network with more bans`
  return [
    `${formatCount(known + fewerBans, 'connection')} of ${formatCount(seen, 'client')} of the rules${stayed}`,
    ...(some.length === 0
      ? []
      : [['yellow', some.map(([n, what]) => `${formatNumber(n)} ${what}`).join(', ')] as const])
  ]
}

function limitLines({ limits }: Status): StyledText[] {
  const { queries, responses, frontEnds } = limits
  const limited = { queries, 'identical responses': responses }
  const lines = Object.entries(limited).map(([what, { dropped, slipped }]): StyledText => {
    return [
      'yellow',
      `${what}: ${formatNumber(dropped)} dropped, ${formatNumber(slipped)} truncated`
    ]
  })
  const happened = [queries, responses].map(({ dropped, slipped }) => dropped + slipped > 0)
  const unidentified = `${formatCount(frontEnds.refused, 'query', 'queries')} from front ends without a client address`
  const exceeded: readonly StyledText[] = [
    ...lines.filter((_, i) => happened[i]),
    ...(frontEnds.refused === 0 ? [] : [['yellow', unidentified] as const])
  ]
  return exceeded.length === 0 ? ['none exceeded'] : [...exceeded]
}

function recorderLines({ recorder }: Status): StyledText[] {
  if (recorder === null) return [['red', 'the recorder is not responding']]
  const { written, dropped, lost, errors, restarts } = recorder
  const missing = `${formatNumber(dropped)} dropped (queue full), ${formatNumber(lost)} lost (write failed)`
  return [
    `${formatCount(written, 'line')} written`,
    ...(dropped + lost === 0 ? [] : [['yellow', missing] as const]),
    ...(errors === 0 ? [] : [['yellow', formatCount(errors, 'write error')] as const]),
    ...(restarts === 0 ? [] : [['yellow', `restarted ${formatCount(restarts, 'time')}`] as const])
  ]
}

function outputLines({ recorder }: Status): StyledText[] {
  return (recorder?.outputs ?? []).map(output => {
    const { name, connected, sent, waitingOctets, dropped, restarts } = output
    const waits = waitingOctets === 0 ? '' : `, ${formatSize(waitingOctets)} waiting`
    const lost = dropped === 0 ? '' : `, ${formatNumber(dropped)} dropped`
    const restarted = restarts === 0 ? '' : `, thread restarted ${formatCount(restarts, 'time')}`
    const text = `${name}: ${formatCount(sent, 'lookup')} sent${waits}${lost}${restarted}`
    if (dropped > 0) return ['red', text]
    return connected || sent + waitingOctets === 0 ? text : ['yellow', `${text}, not connected`]
  })
}

function alertLines({ alerts }: Status): StyledText[] {
  return alerts.map(({ name, active, sent, waiting, dropped, error }) => {
    const rest = [
      ...(waiting === 0 ? [] : [`${formatNumber(waiting)} waiting`]),
      ...(dropped === 0 ? [] : [`${formatNumber(dropped)} dropped`])
    ]
    const counts = [`${formatNumber(active)} active`, `${formatCount(sent, 'message')} sent`]
    const text = `${name}: ${[...counts, ...rest].join(', ')}`
    return error === null && dropped === 0 ? text : ['yellow', text]
  })
}

function reportLines({ reports }: Status): StyledText[] {
  return reports.map(({ name, next, last, dropped, error }) => {
    const parts = [
      last === null ? 'not made yet' : `last made ${formatInstant(last)}`,
      ...(next === null ? [] : [`next ${formatInstant(next)}`]),
      ...(dropped === 0 ? [] : [`${formatNumber(dropped)} given up`]),
      ...(error === null ? [] : [error])
    ]
    const text = `${name}: ${parts.join(', ')}`
    return error === null ? text : ['yellow', text]
  })
}

function fleetLines({ fleet }: Status): StyledText[] {
  if (fleet === null) return []
  const { name, ring, connected, server, wanted, contact, error, dropped } = fleet
  const where = connected ? `connected to ${server}` : 'disconnected'
  const wants = wanted === null ? 'no bundle wanted yet' : `wants bundle ${wanted}`
  const heard = contact === null ? 'no contact yet' : `last contact ${formatInstant(contact)}`
  const text = `${name} in ring ${ring}: ${where}, ${wants}, ${heard}`
  return [
    error === null ? text : ['yellow', text],
    ...(error === null ? [] : [['yellow', `${error.message} (${error.code})`] as const]),
    ...(dropped === 0 ? [] : [`${formatCount(dropped, 'message')} dropped`])
  ]
}

function upstreamLines({ upstreams }: Status): StyledText[] {
  if (upstreams.length === 0) return [['yellow', 'none']]
  const count = (wanted: UpstreamStatus['state']): number =>
    upstreams.filter(({ state }) => state === wanted).length
  const unused = count('unknown')
  const loops = upstreams.flatMap(({ address, loopsFor }) =>
    loopsFor.map((domain): StyledText => {
      return ['red', `${address}: forwarding loop for ${domain}; not used for it`]
    })
  )
  const plain = upstreams
    .filter(({ withoutEdns }) => withoutEdns > 0)
    .map(({ address }): StyledText => ['yellow', `${address}: rejects EDNS; queried without it`])
  const encrypted = upstreams.flatMap(({ address, encryption, error }): StyledText[] => [
    ...(encryption === 'opportunistic'
      ? [['yellow', `${address}: encrypted, but its certificate is not checked`] as const]
      : []),
    ...(error === null ? [] : [['red', `${address}: ${error}`] as const])
  ])
  const unknown = unused === 0 ? '' : `, ${formatNumber(unused)} not used yet`
  const up = `${formatNumber(count('up'))} of ${formatNumber(upstreams.length)} up${unknown}`
  return [up, ...loops, ...plain, ...encrypted]
}

function upstreamTable(upstreams: readonly UpstreamStatus[]): string[] {
  const head = ['', 'state', 'queries', 'no answer', 'over TCP', 'round trip', 'cookies']
  const rows = upstreams.flatMap((upstream): StyledText[][] => {
    const { address, queries, timeouts, undelivered, lost, overTcp, roundTripMs, cookies } =
      upstream
    const figures = [
      stateOf(upstream),
      ...[queries, timeouts + undelivered + lost, overTcp].map(formatNumber),
      roundTripMs === null ? '-' : `${roundTripMs.toFixed(1)} ms`,
      cookies > 0 ? 'yes' : 'no'
    ]
    return address.length > ADDRESS ? [[address], ['', ...figures]] : [[address, ...figures]]
  })
  return table(head, rows)
}

function stateOf({ state, workers }: UpstreamStatus): StyledText {
  if (state === 'unknown') return 'unknown'
  if (state === 'down') return ['red', 'down']
  const { up, outOfRotation, down } = workers
  const all = up + outOfRotation + down
  if (up === all) return ['green', 'up']
  return ['yellow', up > 0 ? `${up}/${all} up` : 'out of rotation']
}
