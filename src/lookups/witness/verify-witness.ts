import type { KeyObject, X509Certificate } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import { MS_PER_SECOND, type Milliseconds, type Seconds } from '../../base/units.js'
import { verifyTimeStamp } from '../../wire/pki/time-stamp.js'
import { CHAIN_FILE } from '../chain/chain-entry.js'
import { readChain, type ChainContents } from '../chain/read-chain.js'
import type { Break, Verification } from '../chain/verify.js'
import { isCountersigned } from './countersignature.js'
import type { HeldReceipt } from './external-receipts.js'
import { readReceipts, WITNESS_FILE, type Receipt } from './receipts.js'
import {
  longerThan,
  rewritableTimes,
  type ConfirmedLine,
  type RewritableTime
} from './rewritable.js'

/** Time that a checkpoint takes to reach a witness. */
const TOLERANCE: Milliseconds = 60_000

/** What witnesses confirm about a chain; its JSON form is public, see docs/reference/query-log.md. Times are RFC 3339. */
export interface WitnessVerification {
  /** Receipts that confirm lines of the chain. */
  readonly confirmed: number
  /** Lines that differ from the version of a witness, or that are missing: the chain was rewritten. */
  readonly contradicted: readonly { readonly at: string; readonly from: string }[]
  /** The number of receipts that cannot be verified, and the reason for the first of them. */
  readonly unverified: number
  readonly why?: string
  /** At the centre of a fleet: receipts for lines of the chain that have not arrived. */
  readonly later?: number
  /** Lines that were sent and whose receipts are elsewhere. */
  readonly sent: number
  /** Times of the first and the last confirmation. */
  readonly first?: string
  readonly last?: string
  /** The last confirmed line. */
  readonly line?: number
  /** The longest time since the chain began whose lookups whoever has the keys of the gateway could rewrite, in seconds. */
  readonly longest: Seconds
  /**
   * Such times that are longer than the interval of checkpoints and a minute. Without `from`: from the first lookup, since
   * the chain began with files that were there before; without `until`: to this day.
   */
  readonly gaps: readonly { readonly from?: string; readonly until?: string }[]
  /** How often the gateway has replaced files by others that have the same lookups, by its word. */
  readonly conversions: number
  /**
   * How many of these a witness has confirmed: then the SHA-256 of the old files and of the new ones are fixed, but not that
   * both have the same lookups.
   */
  readonly confirmedConversions: number
}

export interface WitnessSources {
  /** Trusted certificates of time-stamping authorities; undefined: none are known. */
  readonly authorities: readonly X509Certificate[] | undefined
  /** Public keys of the hub of a fleet. */
  readonly hubKeys?: readonly KeyObject[]
  /** Receipts kept elsewhere. */
  readonly held: readonly HeldReceipt[]
  /** Undefined: the time of the last checkpoint, so that equal logs give equal results. */
  readonly now?: Milliseconds
}

/** The part of a chain that has arrived at the centre of a fleet. */
export interface Arrived {
  /** Hashes of the lines of other chains of the gateway, whose receipts say nothing about this one. */
  readonly others: ReadonlySet<string>
}

/** A query log, verified against its chain and the witnesses of the chain. */
export interface WitnessedVerification extends Verification {
  readonly witness: WitnessVerification
}

/** The log is not proven if a witness has seen another chain. */
export function withWitness(
  found: Verification,
  witness: WitnessVerification
): WitnessedVerification {
  const contradictions = witness.contradicted.map(({ at }): Break => ({ kind: 'forged', at }))
  const proven = found.proven && contradictions.length === 0
  return { ...found, proven, breaks: [...contradictions, ...found.breaks], witness }
}

/** A receipt that is valid by itself. */
interface Confirmed {
  readonly n: number | undefined
  readonly sha256: string
  readonly at: Milliseconds
  readonly from: string
}

/**
 * Compares the chain of a query log with the receipts of its witnesses.
 *
 * @throws InterdictError CHAIN_READ
 */
export function verifyWitness(folder: string, sources: WitnessSources): WitnessVerification {
  // Receipts are read first: the chain and its receipts may grow meanwhile.
  const stored = read(folder, WITNESS_FILE, () => readReceipts(folder))
  const path = join(folder, CHAIN_FILE)
  const octets = read(folder, CHAIN_FILE, () =>
    existsSync(path) ? readFileSync(path) : Buffer.alloc(0)
  )
  const held = stored.map((receipt): HeldReceipt => ({ kind: 'stored', receipt }))
  return compareReceipts(readChain(octets, undefined), [...held, ...sources.held], sources)
}

/**
 * Compares a chain with receipts.
 *
 * @param arrived later lines of the chain may not be there yet; undefined: it is whole
 */
export function compareReceipts(
  contents: ChainContents,
  held: readonly HeldReceipt[],
  sources: Pick<WitnessSources, 'authorities' | 'hubKeys' | 'now'>,
  arrived?: Arrived
): WitnessVerification {
  const { hashes, state, lines } = contents
  const now = sources.now ?? Date.parse(state.checkpoint?.time ?? state.startedAt ?? '1970')
  const { confirmed, problems, sent } = verifyEach(held, sources)
  const all = [...hashes]
  const numbers = new Map(all.map((sha256, i) => [sha256, i + 1]))
  const isInChain = ({ n, sha256 }: Confirmed): boolean => {
    const line = numbers.get(sha256)
    return line !== undefined && (n === undefined || n === line)
  }
  const isLater = laterThan(contents)
  const unknown = confirmed.filter(
    one => !isInChain(one) && arrived?.others.has(one.sha256) !== true
  )
  const later = arrived === undefined ? [] : unknown.filter(isLater)
  const contradicted = unknown.filter(one => !later.includes(one))
  const good = confirmed.filter(isInChain)
  const covered = coverage(state.checkpoints)
  const confirmedLines = good.map(({ sha256, at }): ConfirmedLine => {
    const n = numbers.get(sha256)!
    return { n, at, covers: covered(n) }
  })
  const lastLine = confirmedLines.reduce((last, { n }) => Math.max(last, n), 0)
  const times = confirmedLines.map(({ at }) => at).sort((a, b) => a - b)
  // Lookups from before the chain have no witness until it has its first one.
  const began = Math.min(Date.parse(state.startedAt ?? ''), state.firstLookup)
  const first = state.foundAtStart > 0 ? -Infinity : began
  const rewritable = Number.isNaN(began) ? [] : rewritableTimes(confirmedLines, first)
  const interval = (state.checkpoint?.within ?? 0) * MS_PER_SECOND
  return {
    confirmed: good.length,
    contradicted: contradicted.map(({ n, from }) => {
      return { at: n === undefined ? CHAIN_FILE : `${CHAIN_FILE}:${Math.min(n, lines + 1)}`, from }
    }),
    unverified: problems.length,
    ...(problems[0] !== undefined && { why: problems[0] }),
    ...(later.length > 0 && { later: later.length }),
    sent,
    ...(times.length > 0 && {
      first: iso(times[0]!),
      last: iso(times.at(-1)!),
      line: lastLine
    }),
    longest: longestOf(rewritable, began, now),
    gaps: longerThan(rewritable, interval + TOLERANCE, now).map(({ from, until }) => {
      return {
        ...(from !== -Infinity && { from: iso(from) }),
        ...(until !== undefined && { until: iso(until) })
      }
    }),
    conversions: state.conversions.length,
    confirmedConversions: state.conversions.filter(n => n <= lastLine).length
  }
}

/** Tells receipts for lines that follow what has arrived of a chain: those that were confirmed after all of it. */
function laterThan({ lines, lastEntry }: ChainContents): (one: Confirmed) => boolean {
  const last = Date.parse(lastEntry?.entry.time ?? '1970')
  return ({ n = Infinity, at }) => n > lines && at > last - TOLERANCE
}

function longestOf(
  times: readonly RewritableTime[],
  began: Milliseconds,
  now: Milliseconds
): Seconds {
  const longest = times
    .map(({ from, until = now }) => until - Math.max(from, began))
    .reduce((most, one) => Math.max(most, one), 0)
  return Math.ceil(longest / MS_PER_SECOND)
}

type Trusted = Pick<WitnessSources, 'authorities' | 'hubKeys'>

function verifyEach(held: readonly HeldReceipt[], sources: Trusted) {
  const confirmed: Confirmed[] = []
  const problems: string[] = []
  let sent = 0
  for (const one of held) {
    try {
      const found = confirmationOf(one, sources)
      if (found === undefined) sent++
      else confirmed.push(found)
    } catch (error) {
      problems.push(reasonOf(error))
    }
  }
  return { confirmed, problems, sent }
}

/** Undefined if its proof is elsewhere. Throws an error with the reason why it proves nothing. */
function confirmationOf(held: HeldReceipt, sources: Trusted): Confirmed | undefined {
  const { authorities } = sources
  if (held.kind === 'message') return { ...held, from: 'a message' }
  if (held.kind === 'response')
    return stampOf(held.response, undefined, 'a time stamp', authorities)
  return storedConfirmation(held.receipt, sources)
}

function storedConfirmation(
  receipt: Receipt,
  { authorities, hubKeys = [] }: Trusted
): Confirmed | undefined {
  const { n, sha256, to } = receipt
  switch (receipt.by) {
    case 'syslog':
      return undefined
    case 'hub': {
      const { gateway, at } = receipt
      if (hubKeys.length === 0) throw new Error('the key of the hub is not known')
      if (!hubKeys.some(key => isCountersigned(gateway, receipt, receipt, key)))
        throw new Error(`the hub has not signed line ${n}`)
      return { n, sha256, at: Date.parse(at), from: to }
    }
    case 'tsa':
      // It confirms the line that was stamped, whatever SHA-256 the receipt has.
      return stampOf(Buffer.from(receipt.response, 'base64'), n, to, authorities)
  }
}

function stampOf(
  response: Uint8Array,
  n: number | undefined,
  from: string,
  authorities: readonly X509Certificate[] | undefined
): Confirmed {
  if (authorities === undefined) throw new Error('the certificates of the authority are not known')
  const { sha256, time: at } = verifyTimeStamp(response, authorities)
  return { n, sha256, at, from }
}

/** The time up to which a checkpoint covers lookups: that of the last checkpoint, up to it, with lines of the live file. */
function coverage(checkpoints: ChainContents['state']['checkpoints']): (n: number) => Milliseconds {
  const times = new Map<number, Milliseconds>()
  let last = -Infinity
  for (const { n, time, covers } of checkpoints) {
    if (covers) last = Date.parse(time)
    times.set(n, last)
  }
  return n => times.get(n) ?? -Infinity
}

const iso = (at: Milliseconds): string => new Date(at).toISOString()

function read<T>(folder: string, name: string, how: () => T): T {
  try {
    return how()
  } catch (error) {
    const path = join(folder, name)
    throw failure('CHAIN_READ', path, reasonOf(error, path))
  }
}
