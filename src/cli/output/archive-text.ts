import type { Status } from '../../daemon/admin/status.js'
import type { Painted } from './layout.js'
import { count, instant, size } from './show.js'
import { troubleLines } from './trouble-lines.js'

type Archive = NonNullable<Status['archive']>

/** What becomes of closed files of the query log, and whether there is room. */
export function archiveLines({ archive }: Status): Painted[] {
  if (archive === null) return []
  const missing = 'closed files stay lines, since DuckDB is not installed'
  return [
    ...(archive.standing === null ? [] : [storedLine(archive, archive.standing)]),
    ...freeLines(archive),
    ...(archive.parquet === 'missing' ? [['yellow', missing] as const] : []),
    ...lastLines(archive)
  ]
}

function storedLine(
  { limitOctets, keepDays }: Archive,
  { days, oldest, closed, octets }: NonNullable<Archive['standing']>
): string {
  const from = oldest === null ? '' : ` since ${oldest}`
  const limit = limitOctets === null ? '' : ` of ${size(limitOctets)}`
  const kept = keepDays === null ? '' : `, kept for ${count(keepDays, 'day')}`
  const waiting = `${count(closed, 'closed file')} of lines`
  return `${count(days, 'day')} of Parquet${from}, ${waiting}, ${size(octets)}${limit}${kept}`
}

function freeLines({ freeOctets }: Archive): Painted[] {
  if (freeOctets === null) return [['yellow', 'the disk does not say what is free']]
  const line = `${size(freeOctets)} free on the disk`
  return [freeOctets === 0 ? ['red', line] : line]
}

function lastLines({ last, again, working }: Archive): Painted[] {
  const now = working ? ['it is at work'] : []
  if (last === null) return working ? now : ['not looked after yet']
  const { at, outcome, errors } = last
  const found = errors > 0 ? `, ${count(errors, 'error')}` : ''
  const later = again === null ? '' : `; tried again ${instant(again)}`
  const text = `looked after ${instant(at)}: ${OUTCOMES[outcome]}${found}${later}`
  if (outcome === 'done' && errors === 0) return [text, ...now]
  return [[outcome === 'done' ? 'yellow' : 'red', text], ...troubleLines(last), ...now]
}

const OUTCOMES = {
  done: 'all is done',
  failed: 'not all could be done',
  died: 'the process ended midway'
} as const satisfies Record<NonNullable<Archive['last']>['outcome'], string>

/** The chain of the query log. Whether it proves anything is for `interdict verify-log` to say. */
export function chainLines({ archive }: Status): Painted[] {
  const chain = archive?.standing?.chain ?? null
  if (chain === null) return []
  const { lines, time, sha256, putAside } = chain
  const broken = `${count(putAside, 'chain')} put aside as broken: interdict verify-log says more`
  return [
    `${count(lines, 'line')}, the last of ${instant(time)}`,
    `SHA-256 ${sha256}`,
    ...(putAside === 0 ? [] : [['red', broken] as const])
  ]
}
