import type { Status } from '../../../gateway/status/status.js'
import { formatCount, formatInstant, formatSize } from '../format.js'
import type { StyledText } from '../layout.js'
import { errorLines } from '../layout.js'

type Archive = NonNullable<Status['archive']>

/** Closed query log files, free space, and the last maintenance run. */
export function archiveLines({ archive }: Status): StyledText[] {
  if (archive === null) return []
  const missing = 'closed files are kept as JSON lines: DuckDB is not installed'
  return [
    ...(archive.stored === null ? [] : [storedLine(archive, archive.stored)]),
    ...freeLines(archive),
    ...(archive.parquet === 'missing' ? [['yellow', missing] as const] : []),
    ...lastLines(archive)
  ]
}

function storedLine(
  { limitOctets, keepDays }: Archive,
  { days, oldest, closed, octets }: NonNullable<Archive['stored']>
): string {
  const from = oldest === null ? '' : ` since ${oldest}`
  const limit = limitOctets === null ? '' : ` of ${formatSize(limitOctets)}`
  const kept = keepDays === null ? '' : `, kept for ${formatCount(keepDays, 'day')}`
  const waiting = `${formatCount(closed, 'closed file')} waiting`
  return `${formatCount(days, 'day')} of Parquet${from}, ${waiting}, ${formatSize(octets)}${limit}${kept}`
}

function freeLines({ freeOctets }: Archive): StyledText[] {
  if (freeOctets === null) return [['yellow', 'free disk space unknown']]
  const line = `${formatSize(freeOctets)} of disk space free`
  return [freeOctets === 0 ? ['red', line] : line]
}

function lastLines({ last, again, working }: Archive): StyledText[] {
  const now = working ? ['maintenance run in progress'] : []
  if (last === null) return working ? now : ['no maintenance run yet']
  const { at, outcome, errors } = last
  const found = errors > 0 ? `, ${formatCount(errors, 'error')}` : ''
  const later = again === null ? '' : `; next try ${formatInstant(again)}`
  const text = `maintenance run ${formatInstant(at)}: ${OUTCOMES[outcome]}${found}${later}`
  if (outcome === 'done' && errors === 0) return [text, ...now]
  return [[outcome === 'done' ? 'yellow' : 'red', text], ...errorLines(last), ...now]
}

const OUTCOMES = {
  done: 'complete',
  failed: 'incomplete',
  died: 'interrupted: the process ended'
} as const satisfies Record<NonNullable<Archive['last']>['outcome'], string>

/** The chain of the query log. Only `interdict verify-log` verifies it. */
export function chainLines({ archive }: Status): StyledText[] {
  const chain = archive?.stored?.chain ?? null
  if (chain === null) return []
  const { lines, time, sha256, putAside } = chain
  const broken = `${formatCount(putAside, 'chain')} set aside as broken; run interdict verify-log`
  return [
    `${formatCount(lines, 'line')}, last one ${formatInstant(time)}`,
    `SHA-256 ${sha256}`,
    ...(putAside === 0 ? [] : [['red', broken] as const])
  ]
}

/** Who confirms the chain. */
export function witnessLines({ witness }: Status): StyledText[] {
  return (witness ?? []).map(({ by, to, line, confirmed, missingSince, error }) => {
    const has =
      confirmed === null ? 'nothing yet' : `line ${line} since ${formatInstant(confirmed)}`
    const text = `${by} ${to}: ${has}${error === null ? '' : `; ${error.message}`}`
    if (missingSince === null) return error === null ? text : (['yellow', text] as const)
    return ['red', `${text}; not witnessed since ${formatInstant(missingSince)}`] as const
  })
}
