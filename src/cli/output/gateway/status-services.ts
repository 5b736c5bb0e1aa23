import type { Status } from '../../../gateway/status/status.js'
import type { FleetLogsStatus } from '../../../gateway/status/fleet-status.js'
import { showListenerProblem } from '../../../gateway/status/probe-health.js'
import { formatCount, formatInstant, formatNumber, formatSize } from '../format.js'
import type { StyledText } from '../layout.js'

export function recorderLines({ recorder }: Status): StyledText[] {
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

export function outputLines({ recorder }: Status): StyledText[] {
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

export function alertLines({ alerts }: Status): StyledText[] {
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

export function reportLines({ reports }: Status): StyledText[] {
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

export function fleetLines({ fleet }: Status): StyledText[] {
  if (fleet === null) return []
  const { name, ring, connected, server, wanted, contact, silentSince, error, dropped, logs } =
    fleet
  if (silentSince === null)
    return [`${name}: only sends logs`, ...(logs === null ? [] : fleetLogsLines(logs))]
  const where = connected ? `connected to ${server}` : 'disconnected'
  const wants = wanted === null ? 'no bundle wanted yet' : `wants bundle ${wanted}`
  const heard = contact === null ? 'no contact yet' : `last contact ${formatInstant(contact)}`
  const text = `${name} in ring ${ring}: ${where}, ${wants}, ${heard}`
  return [
    error === null ? text : ['yellow', text],
    ...(error === null ? [] : [['yellow', `${error.message} (${error.code})`] as const]),
    ...(dropped === 0 ? [] : [`${formatCount(dropped, 'message')} dropped`]),
    ...(logs === null ? [] : fleetLogsLines(logs))
  ]
}

function fleetLogsLines(logs: FleetLogsStatus): StyledText[] {
  const { waiting, waitingOctets, waitingSince, sent, lastSent, error } = logs
  const size = `${formatCount(waiting, 'log file')} (${formatSize(waitingOctets)})`
  const since = waitingSince === null ? '' : ` since ${formatInstant(waitingSince)}`
  const last = lastSent === null ? '' : `, the last ${formatInstant(lastSent)}`
  const text = `${size} to send${since}; ${formatNumber(sent)} sent${last}`
  if (error === null) return [text]
  return [
    ['yellow', text],
    ['yellow', `${error.message} (${error.code})`]
  ]
}

/** Wrong answers to probes that are listed. */
const MOST_FAILURES = 5
/** As many lines say what is not probed. */
const MOST_SKIPPED = 5

export function probeLines({ probe }: Status): StyledText[] {
  if (probe === null) return []
  const { asked, failing, failures, last, lastGood, everySeconds, bans, skipped } = probe
  const { certificates } = probe
  const round =
    last === null
      ? 'no round yet'
      : `last round ${formatInstant(last.at)} with ${formatCount(last.asked, 'question')}`
  const good = lastGood === null ? 'never good yet' : `last good ${formatInstant(lastGood)}`
  const covered = bans === null ? '' : `, ${bans.probed} of ${formatCount(bans.all, 'ban')} asked`
  const text = `every ${everySeconds} s: ${formatCount(asked, 'question')}, ${round}, ${good}${covered}`
  return [
    text,
    ...(failing === 0 ? [] : [['red', formatCount(failing, 'wrong answer')] as const]),
    ...failures.slice(0, MOST_FAILURES).map(({ name, type, server, network, problem }) => {
      const what = [name, type, network === '' ? '' : `in ${network}`, server && `at ${server}`]
      return ['red', [...what.filter(Boolean), problem].join(' ')] as const
    }),
    ...certificates.map(one => ['yellow', showListenerProblem(one)] as const),
    ...skipped.slice(0, MOST_SKIPPED).map(({ what, why }) => `not probed: ${what}: ${why}`),
    ...(skipped.length > MOST_SKIPPED
      ? [`not probed: ${skipped.length - MOST_SKIPPED} more, see --json`]
      : [])
  ]
}
