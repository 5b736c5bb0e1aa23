import type { ManuallyRemovedFile } from '../../../lookups/chain/chain-entry.js'
import type { ManualRemoval } from '../../../lookups/chain/chain-state.js'
import type { Fault } from '../../../lookups/chain/read-chain.js'
import type { Break, BreakKind, Unproven, Verification } from '../../../lookups/chain/verify.js'
import type {
  WitnessedVerification,
  WitnessVerification
} from '../../../lookups/witness/verify-witness.js'
import { escapeControls } from '../../../base/log/terminal-line.js'
import { formatCount, formatDuration, formatSize } from '../format.js'
import { section } from '../layout.js'

const BREAKS: Readonly<Record<Exclude<BreakKind, 'line'>, string>> = {
  absent:
    'missing or empty. The gateway starts it within a minute; if it existed before, somebody removed it',
  restarted: 'the previous chain was broken, and this one replaces it',
  cut: 'the expected line is missing: the chain was truncated',
  altered: 'altered since it was written',
  rewritten:
    'lines that a checkpoint recorded while the file was being written are missing or changed',
  forged: 'a witness has confirmed another line: the chain was rewritten or replaced',
  missing: 'missing, and the gateway did not remove it',
  extra: 'not in the chain: not written by the gateway'
}

const FAULTS: Readonly<Record<Fault, string>> = {
  unreadable: 'not a chain line, so it was altered; nothing after it is verified',
  order: 'out of sequence: lines are missing or reordered; nothing after it is verified',
  altered: 'hash does not match the line before it; nothing after it is verified',
  signature: 'signature not valid under a trusted key; nothing after it is verified'
}

const UNPROVEN: Readonly<Record<Unproven['kind'], string>> = {
  live: 'being written; added to the chain when it is closed',
  closed: 'closed after the last checkpoint: not in the chain yet, or the chain was truncated',
  unfinished: 'being created, replaced or removed by the gateway'
}

/** State of a file when it was removed manually. */
export const WAS: Readonly<Record<NonNullable<ManuallyRemovedFile['was']>, string>> = {
  altered: 'it did not match the chain',
  extra: 'it was not in the chain',
  missing: 'it was already missing',
  unreadable: 'it was unreadable'
}

/** What witnesses confirm, and the periods that somebody with the keys of the gateway could have rewritten. */
export function witnessLines(witness: WitnessVerification, began: string | undefined): string[] {
  const { confirmed, first, last, line, longest, gaps, later = 0 } = witness
  const unverified = [
    ...(later > 0
      ? [`${formatCount(later, 'receipt')} for lines of the chain that have not arrived here`]
      : []),
    ...(witness.unverified > 0
      ? [`${formatCount(witness.unverified, 'receipt')} not verified: ${witness.why}`]
      : []),
    ...(witness.sent > 0
      ? [
          `${formatCount(witness.sent, 'line')} sent without a reply: verify the recipient's log with --witness`
        ]
      : [])
  ]
  if (first === undefined || last === undefined) {
    const isSinceBegan = began !== undefined && !hasEarlier(witness)
    const since = isSinceBegan ? ` since ${shown(began)}` : ''
    return [`none: anyone with the key of the chain could have rewritten all of it${since}`].concat(
      unverified
    )
  }
  return [
    `${formatCount(confirmed, 'receipt')}, ${shown(first)} to ${shown(last)}; the last is for line ${line}`,
    `root on the gateway alone could have rewritten at most ${formatDuration(longest)} at a time${hasEarlier(witness) ? ', after the chain began' : ''}`,
    ...gaps.map(gapLine),
    ...conversionLines(witness),
    ...unverified
  ]
}

/** What is known of files that the gateway has replaced by others. */
function conversionLines({ conversions, confirmedConversions }: WitnessVerification): string[] {
  if (conversions === 0) return []
  const replaced = `${formatCount(conversions, 'time')} the gateway replaced files, for example by Parquet; no witness confirms that they have the same lookups`
  const fixed =
    confirmedConversions === 0
      ? 'none of these replacements is confirmed yet: the new files could still be changed'
      : `${confirmedConversions} of these are confirmed: the new files are unaltered since, and the chain has the SHA-256 and lines of the old ones`
  return [replaced, fixed]
}

/** Whether there were lookups before the chain. */
const hasEarlier = ({ gaps }: WitnessVerification): boolean =>
  gaps.some(({ from }) => from === undefined)

function gapLine({ from, until }: WitnessVerification['gaps'][number]): string {
  const start = from === undefined ? 'the first lookup' : shown(from)
  if (until === undefined) return `not confirmed since ${start}`
  const why = from === undefined ? ', as the chain began with files that were there before' : ''
  return `unconfirmed for longer than the interval: ${start} to ${shown(until)}${why}`
}

/** @param columns of the terminal, if it is one */
export function verificationLines(
  chain: string,
  found: WitnessedVerification,
  columns?: number
): string[] {
  const labelled = (label: string, lines: readonly string[]): string[] =>
    section(label, lines, columns)
  const { lines, breaks, unproven, manualRemovals } = found
  return [
    `${chain}: ${headline(found)}`,
    ...(lines === 0 ? [] : labelled('Chain', chainLines(found))),
    ...(lines === 0 ? [] : labelled('Witness', witnessLines(found.witness, found.began))),
    ...(lines === 0 ? [] : labelled('Files', [filesLine(found)])),
    ...labelled('Removed', manualRemovals.flatMap(removalLines)),
    ...labelled(
      'Not verified',
      unproven.map(({ kind, at }) => escapeControls(`${at}: ${UNPROVEN[kind]}`))
    ),
    ...labelled(isUnsigned(found) ? 'Chain' : 'Broken', breaks.map(breakLine))
  ]
}

/** True if the chain has not been started, or has no signed checkpoint: nothing contradicts it. */
function isUnsigned({ proven, breaks }: Verification): boolean {
  return !proven && breaks.every(({ kind }) => kind === 'absent')
}

function headline(found: WitnessedVerification): string {
  const { last } = found.witness
  if (found.proven) {
    return last === undefined
      ? 'verified: nobody without the key of the chain has altered the log; no witness'
      : witnessedHeadline(found, last)
  }
  if (isUnsigned(found)) return 'not yet signed, so nothing is proven'
  return `broken at ${escapeControls(found.breaks[0]!.at)}`
}

/** Calls the log unaltered only if no witness came too late for any of it, but for what still waits for its receipt. */
function witnessedHeadline({ witness, began = '' }: WitnessedVerification, last: string): string {
  const { gaps, conversions } = witness
  const waits = gaps.find(({ until }) => until === undefined)
  const doubtful = gaps.filter(
    ({ from, until }) => until !== undefined || from === undefined || from <= began
  ).length
  const doubts = [
    ...(doubtful > 0
      ? [`lookups of ${formatCount(doubtful, 'period')} could have been rewritten`]
      : []),
    ...(conversions > 0 ? [`the gateway replaced files ${formatCount(conversions, 'time')}`] : [])
  ]
  return doubts.length === 0
    ? `verified, the log is unaltered; witnessed until ${shown(waits?.from ?? last)}`
    : `verified by the key of the chain; ${doubts.join(', and ')}: see Witness`
}

/** One line for a report. */
export function verificationFact(found: WitnessedVerification): readonly string[] {
  const { proven, breaks, checkpoint, unproven, manualRemovals } = found
  const open = unproven.map(({ at }) => at)
  return [
    ...(isUnsigned(found) ? [headline(found)] : []),
    ...(proven ? [`verified: ${filesLine(found)}`] : breaks.slice(0, 3).map(breakLine)),
    ...(checkpoint === undefined ? [] : [`last checkpoint ${shown(checkpoint)}`]),
    ...witnessLines(found.witness, found.began),
    ...manualRemovals.flatMap(removalLines).map(line => `removed manually: ${line}`),
    ...(open.length === 0 ? [] : [`not verified yet: ${open.join(', ')}`])
  ]
}

function chainLines({ lines, head, began, checkpoint, due }: Verification): string[] {
  return [
    `${formatCount(lines, 'line')} since ${began === undefined ? 'an unknown time' : shown(began)}`,
    ...(checkpoint === undefined
      ? ['no checkpoint yet']
      : [`last checkpoint ${shown(checkpoint)}, next expected by ${shown(due ?? '')}`]),
    `SHA-256 of the last valid line ${head.sha256}`
  ]
}

function filesLine({ files, octets, removed, found }: Verification): string {
  const before = found === 0 ? '' : `; ${formatCount(found, 'file')} older than the chain`
  const gone = removed === 0 ? '' : `; ${formatCount(removed, 'file')} removed by the gateway`
  return `${formatCount(files, 'file')} unaltered, ${formatSize(octets)}${gone}${before}`
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

/** UTC, to the second. */
function shown(time: string): string {
  return `${time.slice(0, 10)} ${time.slice(11, 19)}`
}
