import type { Health, StatusReply } from '../../../gateway/status/health.js'
import { HEALTH_STATES, PROBLEMS } from '../../../gateway/status/problems.js'
import type { Status } from '../../../gateway/status/status.js'
import { escapeControls } from '../../../base/log/terminal-line.js'
import { paint } from '../../io.js'
import { archiveLines, chainLines, witnessLines } from '../log/archive-text.js'
import { formatDuration, formatInstant } from '../format.js'
import { section, type StyledText } from '../layout.js'
import { rulesLines, settingsLines, zoneLines } from './status-rules.js'
import {
  cacheLines,
  clientLines,
  limitLines,
  listeningLines,
  lookupLines,
  queryLines,
  tcpLines,
  tlsLines,
  workerLines
} from './status-traffic.js'
import {
  alertLines,
  fleetLines,
  probeLines,
  outputLines,
  recorderLines,
  reportLines
} from './status-services.js'
import { upstreamLines, upstreamTable } from './status-upstreams.js'

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

/**
 * One line each: `healthy`, or for each state `good`, `warning` or `failing`, and its problems with their codes. Then what
 * is not enforced by order.
 */
export function healthLines({
  health: { states, problems },
  enforcement
}: Pick<StatusReply, 'health' | 'enforcement'>): string[] {
  const orders = byOrderLines({ enforcement })
  const last = orders.length === 0 ? [] : ['not enforced by order:', ...orders.map(indented)]
  if (problems.length === 0) return ['healthy', ...last]
  const found = HEALTH_STATES.flatMap(state => {
    const lines = problemLines(problems.filter(one => one.state === state))
    const good = lines.length === 0 ? 'good' : 'warning'
    return [`${state}: ${states[state] ? good : 'failing'}`, ...lines.map(indented)]
  })
  return [...found, ...last]
}

const indented = (line: string): string => `  ${line}`

/** Approved exceptions, monitored rules, and rules outside their hours. */
function byOrderLines({ enforcement: { byOrder, more } }: Pick<Status, 'enforcement'>): string[] {
  const shown = byOrder.slice(0, MOST_BY_ORDER)
  const rest = byOrder.length - shown.length + more
  return [
    ...shown.map(({ message, networks }) => escapeControls(`${message} (${networks.join(', ')})`)),
    ...(rest === 0 ? [] : [`${rest} more: see interdict bans`])
  ]
}

/** Rules that are listed; a decree may have thousands of exceptions. */
const MOST_BY_ORDER = 10

export function problemLines(problems: Health['problems']): string[] {
  return problems.map(({ code, message }) => `${escapeControls(message)} (${code})`)
}

function healthStyled({ ready, states, problems }: Health): StyledText[] {
  if (problems.length === 0) return [['green', 'ready, no problem']]
  const lines = problemLines(problems)
  const colours = problems.map(({ code }) => (PROBLEMS[code].fails ? 'red' : 'yellow'))
  const failing = HEALTH_STATES.filter(state => !states[state]).join(', ')
  const text = `${ready ? 'ready' : 'not ready'}${failing === '' ? '' : `; failing: ${failing}`}`
  const first: StyledText = ready && failing === '' ? text : ['red', text]
  return [first, ...lines.map((line, i): StyledText => [colours[i]!, line])]
}

const SECTIONS: readonly (readonly [string, (status: Status) => readonly StyledText[]])[] = [
  ['By order', byOrderLines],
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
  ['Witness', witnessLines],
  ['Outputs', outputLines],
  ['Alerts', alertLines],
  ['Reports', reportLines],
  ['Fleet', fleetLines],
  ['Probe', probeLines],
  ['Upstreams', upstreamLines]
]
