import type { Octets, Seconds } from '../../base/units.js'

/**
 * The histories of rules in the central folder:
 *
 *     histories/brussels-1/2026-11-<SHA-256>-1-17.jsonl  lines 1 to 17 of the segment with this first event
 *     histories/brussels-1/known-1796083200.json         all that was recorded until this time has been sent
 *     histories/brussels-1/mandates-1796083200.json      mandates that it had accepted at this time
 *     contents/<SHA-256>.gz                              a file of rules, once for all gateways
 *
 * Lines are those of a gateway's own history, without contents. The month is that of the first event of the segment.
 */
export const HISTORIES = 'histories'
export const CONTENTS = 'contents'
const SLICE = /^(\d{4}-\d{2})-([0-9a-f]{64})-(\d{1,15})-(\d{1,15})\.jsonl$/
const STATE = /^(known|mandates)-(\d{1,12})\.json$/
const CONTENT = /^([0-9a-f]{64})\.gz$/

/** Larger files of a history were not written by a gateway. */
const MAX_SLICE: Octets = 16 * 1024 * 1024

/** Lines of a segment of the history of a gateway. */
export interface HistorySlice {
  readonly gateway: string
  readonly month: string
  /** SHA-256 of the first event of the segment. */
  readonly first: string
  readonly from: number
  readonly to: number
}

export function slicePath({ gateway, month, first, from, to }: HistorySlice): string {
  return `${HISTORIES}/${gateway}/${month}-${first}-${from}-${to}.jsonl`
}

/** A state of a gateway's history at a time, which replaces earlier ones: until when it is complete, or its mandates. */
export interface HistoryStateFile {
  readonly kind: 'known' | 'mandates'
  readonly at: Seconds
}

export function statePath(gateway: string, { kind, at }: HistoryStateFile): string {
  return `${HISTORIES}/${gateway}/${kind}-${at}.json`
}

export const contentPath = (sha256: string): string => `${CONTENTS}/${sha256}.gz`

/** @param name of a file in the folder of a gateway's history; undefined: another file */
export function parseSlice(gateway: string, name: string): HistorySlice | undefined {
  const [, month, first, from, to] = SLICE.exec(name) ?? []
  if (month === undefined || first === undefined) return undefined
  return { gateway, month, first, from: Number(from), to: Number(to) }
}

/** A state by the name of its file; undefined: another file. */
export function parseState(name: string): HistoryStateFile | undefined {
  const [, kind, at] = STATE.exec(name) ?? []
  return kind === undefined ? undefined : { kind: kind as HistoryStateFile['kind'], at: Number(at) }
}

export const isHistoryFile = (name: string): boolean => SLICE.test(name) || STATE.test(name)

/** Whether one state replaces another. */
export const replaces = (one: HistoryStateFile, other: HistoryStateFile): boolean =>
  one.kind === other.kind && one.at > other.at

/** The SHA-256 of a content, uncompressed, by its path in the central folder; undefined: another file. */
export function contentOf(path: string): string | undefined {
  const [top, name = '', ...more] = path.split('/')
  return top === CONTENTS && more.length === 0 ? CONTENT.exec(name)?.[1] : undefined
}

/** Whether a file of a history is larger than any gateway writes it. */
export const isTooLarge = (path: string, size: Octets): boolean =>
  path.startsWith(`${HISTORIES}/`) && size > MAX_SLICE
