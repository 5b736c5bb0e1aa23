import type { ManuallyRemovedFile } from '../../querylog/archive/chain/chain-entry.js'
import type { ManualRemoval } from '../../querylog/archive/chain/chain-state.js'
import type { Fault } from '../../querylog/archive/chain/read-chain.js'
import type {
  Break,
  BreakKind,
  Unproven,
  Verification
} from '../../querylog/archive/chain/verify.js'
import { escapeControls } from '../../querylog/record/terminal-line.js'
import { section } from './layout.js'
import { count, size } from './show.js'

const BREAKS: Readonly<Record<Exclude<BreakKind, 'line'>, string>> = {
  absent: 'there is no chain, or nothing in it',
  anew: 'the chain of before was broken, and this one was begun in its place',
  cut: 'the line that was expected is not there: the end of the chain was cut off',
  altered: 'not what was written there: it was altered',
  missing: 'not there any more, and the gateway did not remove it',
  extra: 'not in the chain: the gateway did not write it'
}

const FAULTS: Readonly<Record<Fault, string>> = {
  unreadable: 'no line of a chain: it was altered, and from here on nothing is proven',
  order:
    'not the line that follows: lines are missing, or in another order; from here on nothing is proven',
  altered: 'not written after the line before it; from here on nothing is proven',
  signature: 'not signed with a key that counts: it was altered; from here on nothing is proven'
}

const UNPROVEN: Readonly<Record<Unproven['kind'], string>> = {
  live: 'being written: not in the chain until it is closed',
  closed:
    'closed after the last checkpoint: the gateway has yet to see it, or the end of the chain was cut off',
  unfinished: 'being made, replaced or removed: the gateway has yet to finish it'
}

/** Of a file that was removed by hand. */
export const WAS: Readonly<Record<NonNullable<ManuallyRemovedFile['was']>, string>> = {
  altered: 'it was not what the chain had said of it',
  extra: 'the chain did not have it',
  missing: 'it was gone already',
  unreadable: 'it could not be read any more'
}

/** For people. */
export function verificationLines(chain: string, found: Verification, columns?: number): string[] {
  const lay = (label: string, lines: readonly string[]): string[] => section(label, lines, columns)
  const { proven, lines, breaks, unproven, ordered } = found
  const [first] = breaks
  return [
    proven
      ? `${chain}: proven, the log is as it was written`
      : `${chain}: broken at ${escapeControls(first!.at)}`,
    ...(lines === 0 ? [] : lay('Chain', chainLines(found))),
    ...(lines === 0 ? [] : lay('Files', [filesLine(found)])),
    ...lay('Removed', ordered.flatMap(removalLines)),
    ...lay(
      'Not proven',
      unproven.map(({ kind, at }) => escapeControls(`${at}: ${UNPROVEN[kind]}`))
    ),
    ...lay('Broken', breaks.map(breakLine))
  ]
}

/** In one line, for a report. */
export function verificationFact(found: Verification): readonly string[] {
  const { proven, breaks, checkpoint, unproven, ordered } = found
  const open = unproven.map(({ at }) => at)
  return [
    ...(proven ? [`proven: ${filesLine(found)}`] : breaks.slice(0, 3).map(breakLine)),
    ...(checkpoint === undefined ? [] : [`last checkpoint ${shown(checkpoint)}`]),
    ...ordered.flatMap(removalLines).map(line => `removed by hand: ${line}`),
    ...(open.length === 0 ? [] : [`not proven yet: ${open.join(', ')}`])
  ]
}

function chainLines({ lines, head, began, checkpoint, due }: Verification): string[] {
  return [
    `${count(lines, 'line')} since ${began === undefined ? 'a time not known' : shown(began)}`,
    ...(checkpoint === undefined
      ? ['no checkpoint yet']
      : [`last checkpoint ${shown(checkpoint)}, the next was to come by ${shown(due ?? '')}`]),
    `SHA-256 of the last good line ${head.sha256}`
  ]
}

function filesLine({ files, octets, removed, found }: Verification): string {
  const before = found === 0 ? '' : `; ${count(found, 'file')} were there before the chain began`
  const gone = removed === 0 ? '' : `; ${count(removed, 'file')} removed by the gateway`
  return `${count(files, 'file')} as written, ${size(octets)}${gone}${before}`
}

function breakLine({ kind, at, fault }: Break): string {
  const why = kind === 'line' ? FAULTS[fault ?? 'unreadable'] : BREAKS[kind]
  return escapeControls(`${at}: ${why}`)
}

function removalLines({ time, by, reason, files }: ManualRemoval): string[] {
  return files.map(({ file, was }) => {
    const odd = was === undefined ? '' : `; ${WAS[was]}`
    return escapeControls(`${file}: ${shown(time)} by ${by}: ${reason}${odd}`)
  })
}

/** To the second, in UTC. */
function shown(time: string): string {
  return `${time.slice(0, 10)} ${time.slice(11, 19)}`
}
