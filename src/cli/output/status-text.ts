import type { Status, UpstreamStatus } from '../../daemon/admin/status.js'
import { paint } from '../io.js'
import { archiveLines, chainLines } from './archive-text.js'
import { section, table, type Painted } from './layout.js'
import { count, instant, lasting, number, showEndpoint, size } from './show.js'
import { troubleLines } from './trouble-lines.js'

/** Longest address that has its figures beside it, so that a line of the table fits. */
const ADDRESS = 26

/** @param columns of the terminal, if it is one */
export function toText(status: Status, columns?: number): string {
  const { version, started, uptimeSeconds, upstreams } = status
  const up = `up for ${lasting(uptimeSeconds)}, since ${instant(started)}`
  const lines = [
    paint('bold', `interdict ${version}, ${up}`),
    '',
    ...SECTIONS.flatMap(([label, linesOf]) => section(label, linesOf(status), columns)),
    ...(upstreams.length === 0 ? [] : ['', ...upstreamTable(upstreams)])
  ]
  return `${lines.join('\n')}\n`
}

const SECTIONS: readonly (readonly [string, (status: Status) => readonly Painted[]])[] = [
  ['Rules', rulesLines],
  ['Zones', zoneLines],
  ['Listening', listeningLines],
  ['Workers', workerLines],
  ['Queries', queryLines],
  ['Lookups', lookupLines],
  ['Cache', cacheLines],
  ['TCP', tcpLines],
  ['Limits', limitLines],
  ['Query log', recorderLines],
  ['Archive', archiveLines],
  ['Chain', chainLines],
  ['Outputs', outputLines],
  ['Upstreams', upstreamLines]
]

function rulesLines({ rules }: Status): Painted[] {
  const { generation, since, sha256, networks, bans, names, reload } = rules
  const all = count(rules.rules, 'rule')
  const sums = `${count(networks, 'network')}, ${all}, ${count(bans, 'ban')} among them`
  return [
    `generation ${generation}, in force since ${instant(since)}`,
    `${sums}, ${count(names, 'name')}`,
    `SHA-256 ${sha256}`,
    ...bundleLines(rules.bundle),
    ...dueLines(rules),
    ...(reload === null ? [] : reloadLines(reload))
  ]
}

function bundleLines(bundle: Status['rules']['bundle']): Painted[] {
  if (bundle === null) return []
  const { serial, created, expires, state, newest, rollback } = bundle
  const ends = { good: 'expires', ending: 'expires soon,', expired: 'expired' }[state]
  const line = `bundle ${serial}, made ${instant(created)}, ${ends} ${instant(expires)}`
  const colour = { good: undefined, ending: 'yellow', expired: 'red' } as const
  const shown = colour[state]
  const first: Painted = shown === undefined ? line : [shown, line]
  if (rollback === null) return [first]
  const { by, at } = rollback
  return [
    first,
    ['yellow', `rolled back from ${rollback.from} by ${by} at ${at}; accepted until now: ${newest}`]
  ]
}

function dueLines({ ending, reviewsDue }: Status['rules']): Painted[] {
  const ends = ending === 1 ? 'ends' : 'end'
  const parts = [
    ...(ending === 0
      ? []
      : [`${count(ending, 'ban or exception', 'bans and exceptions')} ${ends} within 14 days`]),
    ...(reviewsDue === 0 ? [] : [`${count(reviewsDue, 'review')} due`])
  ]
  return parts.length === 0 ? [] : [['yellow', `${parts.join(', ')}: interdict bans says which`]]
}

function reloadLines(reload: NonNullable<Status['rules']['reload']>): Painted[] {
  const { at, reason, outcome, errors } = reload
  const colour = outcome === 'refused' ? 'red' : errors > 0 ? 'yellow' : 'green'
  const found = errors > 0 ? `, ${count(errors, 'error')}` : ''
  const stay = outcome === 'refused' ? '; those of before stay in force' : ''
  return [
    [colour, `read again ${instant(at)} (${reason}): ${outcome}${found}${stay}`],
    ...troubleLines(reload)
  ]
}

function zoneLines({ zones }: Status): Painted[] {
  return zones.map(({ list, zone, state, failures, copy }): Painted => {
    if (copy === null) return ['red', `${list}: ${zone} could not be transferred yet`]
    const { serial, primary, confirmed, expires } = copy
    const line = `${list}: ${zone}, serial ${serial} of ${primary}, confirmed ${instant(confirmed)}`
    const failed = `, failed ${count(failures, 'time')} since`
    if (state === 'good') return line
    if (state === 'failing') return ['yellow', `${line}${failed}`]
    return ['red', `${line}${failed}; expired ${instant(expires)}, in force still`]
  })
}

function listeningLines({ listening, transport }: Status): Painted[] {
  return [`${listening.map(showEndpoint).join(' ')} on UDP and TCP, transport ${transport}`]
}

function workerLines({ workers, silent }: Status): Painted[] {
  const troubles = workers.flatMap(({ number: index, state, since, restarts }): Painted[] => {
    if (state === 'listening' && restarts === 0 && !silent.includes(index)) return []
    const is = silent.includes(index) ? 'does not answer' : STATES[state]
    const began = since === null ? '' : `, began ${instant(since)}`
    const again = restarts === 0 ? '' : `, replaced ${count(restarts, 'time')}`
    const isFine = state === 'listening' && !silent.includes(index)
    return [[isFine ? 'yellow' : 'red', `worker ${index} ${is}${began}${again}`]]
  })
  const listen = workers.filter(({ state }) => state === 'listening').length
  return [`${number(listen)} of ${number(workers.length)} listen`, ...troubles]
}

const STATES = {
  starting: 'starts',
  listening: 'listens',
  dead: 'died, and is about to be replaced'
} as const satisfies Record<Status['workers'][number]['state'], string>

function queryLines({ queries, replies }: Status): Painted[] {
  const { udp, tcp, waiting, forwarded, stale, failed } = queries
  const waited = forwarded + stale + failed
  const all = udp + tcp
  const share = all === 0 ? '' : ` (${((100 * waited) / all).toFixed(1)}%)`
  return [
    `${number(udp)} over UDP (${number(replies.sent)} answered), ${number(tcp)} over TCP`,
    `${number(waited)}${share} had to wait for upstreams: ${number(forwarded)} forwarded, ` +
      `${number(stale)} stale, ${number(failed)} failed`,
    ...(waiting === 0 ? [] : [`${count(waiting, 'question')} under way`]),
    ...(replies.unsent === 0
      ? []
      : ([['yellow', `${count(replies.unsent, 'reply', 'replies')} could not be sent`]] as const))
  ]
}

/** Those in the query log, which is all, or those that rules speak of, or none. */
function lookupLines({ recorder }: Status): Painted[] {
  if (recorder === null) return ['not known: the recorder does not answer']
  const some = Object.entries(recorder.lookups).filter(([, times]) => times > 0)
  if (some.length === 0) return ['none recorded']
  return [some.map(([verdict, times]) => `${number(times)} ${verdict}`).join(', ')]
}

function cacheLines({ cache: { answers, failures } }: Status): Painted[] {
  const of = (held: typeof answers): string => `${size(held.octets)} of ${size(held.limitOctets)}`
  return [
    `${count(answers.entries, 'answer')} in ${of(answers)}, ` +
      `${count(failures.entries, 'failure')} in ${of(failures)}`
  ]
}

function tcpLines({ connections }: Status): Painted[] {
  const { open, accepted, refused, crowded } = connections
  const over = `${number(refused)} refused, ${number(crowded)} of clients that had too many`
  return [
    `${count(open, 'connection')} open, ${number(accepted)} accepted until now`,
    ...(refused + crowded === 0 ? [] : [['yellow', over] as const])
  ]
}

function limitLines({ limits }: Status): Painted[] {
  const { queries, responses, frontEnds } = limits
  const over = { queries, 'identical responses': responses }
  const lines = Object.entries(over).map(([what, { dropped, slipped }]): Painted => {
    return ['yellow', `${what}: ${number(dropped)} dropped, ${number(slipped)} sent back short`]
  })
  const happened = [queries, responses].map(({ dropped, slipped }) => dropped + slipped > 0)
  const unclear = `${count(frontEnds.refused, 'query', 'queries')} of front ends without a client`
  const told: readonly Painted[] = [
    ...lines.filter((_, i) => happened[i]),
    ...(frontEnds.refused === 0 ? [] : [['yellow', unclear] as const])
  ]
  return told.length === 0 ? ['nothing was over them'] : [...told]
}

function recorderLines({ recorder }: Status): Painted[] {
  if (recorder === null) return [['red', 'the recorder does not answer']]
  const { written, dropped, lost, errors, restarts } = recorder
  const missing = `${number(dropped)} lookups too many, ${number(lost)} not taken by the disk`
  return [
    `${count(written, 'line')} written`,
    ...(dropped + lost === 0 ? [] : [['yellow', missing] as const]),
    ...(errors === 0 ? [] : [['yellow', `${count(errors, 'error')} of the disk`] as const]),
    ...(restarts === 0 ? [] : [['yellow', `replaced ${count(restarts, 'time')}`] as const])
  ]
}

function outputLines({ recorder }: Status): Painted[] {
  return (recorder?.outputs ?? []).map(output => {
    const { name, connected, sent, waitingOctets, dropped, restarts } = output
    const waits = waitingOctets === 0 ? '' : `, ${size(waitingOctets)} waiting`
    const lost = dropped === 0 ? '' : `, ${count(dropped, 'lookup')} not sent`
    const anew = restarts === 0 ? '' : `, its thread replaced ${count(restarts, 'time')}`
    const text = `${name}: ${count(sent, 'lookup')} sent${waits}${lost}${anew}`
    if (dropped > 0) return ['red', text]
    return connected || sent + waitingOctets === 0 ? text : ['yellow', `${text}, not connected`]
  })
}

function upstreamLines({ upstreams }: Status): Painted[] {
  if (upstreams.length === 0) return [['yellow', 'none']]
  const usable = upstreams.filter(({ workers }) => workers.usable > 0).length
  const loops = upstreams.flatMap(({ address, loopsFor }) =>
    loopsFor.map((domain): Painted => {
      return ['red', `${address} leads back here for ${domain}, and is not asked for that`]
    })
  )
  return [`${number(usable)} of ${number(upstreams.length)} usable`, ...loops]
}

function upstreamTable(upstreams: readonly UpstreamStatus[]): string[] {
  const head = ['', 'state', 'queries', 'no answer', 'over TCP', 'round trip', 'cookies']
  const rows = upstreams.flatMap((upstream): Painted[][] => {
    const { address, queries, timeouts, undelivered, lost, overTcp, roundTripMs, cookies } =
      upstream
    const figures = [
      stateOf(upstream),
      ...[queries, timeouts + undelivered + lost, overTcp].map(number),
      roundTripMs === null ? '-' : `${roundTripMs.toFixed(1)} ms`,
      cookies > 0 ? 'yes' : 'no'
    ]
    return address.length > ADDRESS ? [[address], ['', ...figures]] : [[address, ...figures]]
  })
  return table(head, rows)
}

function stateOf({ workers: { usable, resting, down } }: UpstreamStatus): Painted {
  const all = usable + resting + down
  if (all === 0) return 'not known'
  if (usable === all) return ['green', 'usable']
  if (usable > 0) return ['yellow', `${usable}/${all} usable`]
  return down > 0 ? ['red', 'down'] : ['yellow', 'resting']
}
