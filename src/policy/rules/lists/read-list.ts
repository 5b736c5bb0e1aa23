import { failureAt, type InterdictError } from '../../../base/errors/error.js'
import type { Position } from '../../../base/errors/position.js'
import type { Milliseconds } from '../../../base/units.js'
import type { NameSource } from '../model/types.js'
import type { NetworkPrefixes } from './formats/adblock-modifiers.js'
import { ListCollector, rejection } from './list-collector.js'
import { scanList } from './list-formats.js'
import type { FeedOptions } from './formats/feed.js'
import { epochSeconds, systemClock } from '../../../base/time/clock.js'
import { TLP } from '../model/tlp.js'
import type { LineFormat, ListFormat } from '../model/list-format.js'
import { ListLayers } from './list-layers.js'
import type { ListSink, ListAction } from './line-reader.js'
import { BlockedSource, ActionSource, type ForEachBlocked } from './list-source.js'
import type { ListReport, ListFile } from './list-types.js'
import { detectFormat } from './detect-format.js'
import { readRpzFile, type RpzFile } from './rpz/rpz-file.js'
import { TimeLimit, TimeLimitExceeded } from './time-limit.js'

export interface ListOptions {
  readonly id: string
  /** Undefined: detected. */
  readonly format?: ListFormat | undefined
  /** Whether the operator allows the list to be empty. */
  readonly mayBeEmpty?: boolean
  /** Prefixes by network id, for formats that name clients. */
  readonly clients?: NetworkPrefixes
  /** For feeds; by default all indicators are in force that have not expired. */
  readonly feed?: Omit<FeedOptions, 'now'> | undefined
  /** How long it may take; by default without limit. */
  readonly maxTime?: Milliseconds
}

export type ListResult =
  | {
      /** One source for each action and file of the list, in order of precedence. */
      readonly parts: readonly NameSource[]
      readonly warnings: readonly InterdictError[]
      readonly reports: readonly ListReport[]
    }
  | { readonly errors: readonly InterdictError[] }

/**
 * Checks the files of a list and builds its name sources. A few invalid lines are warnings
 * (RULES_LIST_LINE). A file with mostly invalid lines is rejected (RULES_LIST_REFUSED), so that an
 * error page served in place of a list never empties it. An empty file is rejected too
 * (RULES_LIST_EMPTY): it is probably a failed download, and an empty block list blocks nothing. One
 * that takes longer than `maxTime` is rejected as well (RULES_LIST_SLOW).
 */
export function readList(options: ListOptions, files: readonly ListFile[]): ListResult {
  const { maxTime = Infinity } = options
  try {
    return readWithin(new TimeLimit(maxTime), options, files)
  } catch (error) {
    if (!(error instanceof TimeLimitExceeded)) throw error
    return { errors: [failureAt(startOf(files[0]!.displayName), 'RULES_LIST_SLOW', maxTime)] }
  }
}

function readWithin(
  limit: TimeLimit,
  options: ListOptions,
  files: readonly ListFile[]
): ListResult {
  const { id } = options
  const disabledRules = new Set<string>()
  const read = files.map(file => {
    const list = readListFile(options, file, disabledRules, limit)
    limit.check()
    return list
  })
  const errors = read.flatMap(it => ('errors' in it ? it.errors : []))
  if (errors.length > 0) return { errors }
  const collected = read.filter(it => 'collector' in it)
  const zones = read.filter(it => 'parts' in it)
  const layers = new ListLayers(
    collected.map(({ collector }) => collector),
    disabledRules,
    limit
  )
  const isWithinLimits = layers.resolve(visit => {
    for (const { forEachBlocked } of collected)
      forEachBlocked((octets, _at, length, cover) => visit(octets, length, cover))
  })
  if (!isWithinLimits) {
    const why = 'its exceptions for some clients or types overlap too many names'
    return { errors: [failureAt(startOf(files[0]!.displayName), 'RULES_LIST_REFUSED', why)] }
  }
  return {
    parts: [
      ...zones.flatMap(({ parts }, nth) => parts(nth)),
      ...(collected.length > 0 ? buildSources(id, collected, layers) : [])
    ],
    warnings: [...collected.map(({ collector }) => collector), ...zones].flatMap(
      ({ warnings }) => warnings
    ),
    reports: [...collected, ...zones].map(({ report }) => report)
  }
}

/** A list file in any format but RPZ. */
interface CollectedFile {
  readonly file: string
  readonly collector: ListCollector
  readonly forEachBlocked: ForEachBlocked
  readonly report: ListReport
}

function readListFile(
  { id, format: configured, mayBeEmpty = false, clients = new Map(), feed }: ListOptions,
  { octets, file, displayName }: ListFile,
  disabledRules: Set<string>,
  limit: TimeLimit
): CollectedFile | RpzFile | { readonly errors: readonly InterdictError[] } {
  const start = startOf(displayName)
  const why = whyNotAList(octets)
  if (why !== undefined) return { errors: [failureAt(start, 'RULES_LIST_REFUSED', why)] }
  const detected = configured === undefined ? detectFormat(octets) : undefined
  const format = configured ?? detected!.format
  const detectedBy = detected?.by
  if (format === 'rpz') {
    return readRpzFile({ id, octets, file, displayName, detectedBy, mayBeEmpty })
  }
  const lineFormat = detected && DOMAINS_OR_HOSTS.includes(format) ? 'either' : format
  const collector = new ListCollector(displayName, octets, disabledRules)
  const feedOptions = { ...feed, now: epochSeconds(systemClock) }
  const lines = scanList(octets, lineFormat, clients, feedOptions, collector, limit)
  const isEmpty = collector.isEmpty && !collector.isInactive
  const errors = rejection(collector, isEmpty, lines, start)
  if (errors.length > 0) return { errors }
  if (isEmpty && !mayBeEmpty) {
    return { errors: [failureAt(start, 'RULES_LIST_EMPTY', id)] }
  }
  const { count: names, unsupported } = collector
  const report = { id, displayName, format, detectedBy, names, unsupported }
  const forEachBlocked: ForEachBlocked = visit =>
    scanList(octets, lineFormat, clients, feedOptions, { ...IGNORE_ALL, blockName: visit })
  return { file, collector, forEachBlocked, report }
}

const ignore = (): void => undefined
const IGNORE_ALL: ListSink = {
  blockName: ignore,
  addName: ignore,
  disable: ignore,
  addPrefix: ignore,
  setExpiry: ignore,
  skipLine: ignore,
  countUnsupported: ignore
}

/** A detected file of one of these may have lines of the other: each line is judged by itself. */
const DOMAINS_OR_HOSTS: readonly LineFormat[] = ['domains', 'hosts']

/** What a file is instead of a list, if its first octets tell. */
function whyNotAList(octets: Uint8Array): string | undefined {
  const start = Buffer.from(octets.subarray(0, 1024)).toString('latin1')
  if (/^(?:\xff\xfe|\xfe\xff)/.test(start)) return 'it is UTF-16'
  // Usually an error page.
  return /^(?:\xef\xbb\xbf)?\s*</.test(start) ? 'it is HTML or XML' : undefined
}

/** Precedence of actions on the same name, within a layer. */
const ACTION_ORDER: readonly ListAction['kind'][] = ['data', 'pass', 'rule']

/** The strictest label of a name counts. */
const tlpOrder = ({ tlp }: ListAction): number =>
  tlp === undefined ? TLP.length : TLP.indexOf(tlp)

/** The sources of the list, in order of precedence. */
function buildSources(
  id: string,
  files: readonly CollectedFile[],
  layers: ListLayers
): NameSource[] {
  const groups = files.flatMap(({ file, collector }) =>
    [...collector.groups.values()].map(group => {
      return { file, ...group, expiries: collector.expiries }
    })
  )
  const answering = groups.filter(({ action }) => action.kind !== 'cancel')
  const byPrecedence = (a: ListAction, b: ListAction): number =>
    b.layer - a.layer ||
    ACTION_ORDER.indexOf(a.kind) - ACTION_ORDER.indexOf(b.kind) ||
    tlpOrder(a) - tlpOrder(b)
  const sources: NameSource[] = []
  const newId = (): string => (sources.length === 0 ? id : `${id}#${sources.length}`)
  for (const group of answering.sort((a, b) => byPrecedence(a.action, b.action))) {
    sources.push(new ActionSource(newId(), id, group.file, group))
  }
  for (const { file, collector, forEachBlocked } of files) {
    const blocked = collector.blockedNames + collector.blockedPrefixes.length
    if (blocked === 0 && sources.length > 0) continue
    sources.push(new BlockedSource(newId(), id, file, collector, forEachBlocked, layers))
  }
  return sources
}

const startOf = (file: string): Position => ({ file, line: 1, column: 1 })
