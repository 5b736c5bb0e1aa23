import type { Octets, Seconds } from '../../base/units.js'

/**
 * The histories of rules in the central folder:
 *
 *     histories/brussels-1/2026-11-<SHA-256>-1-17.jsonl  lines 1 to 17 of the segment with this first event
 *     histories/brussels-1/known-1796083200.json         all that was recorded until this time has been sent
 *     contents/<SHA-256>.gz                              a file of rules, once for all gateways
 *
 * Lines are those of a gateway's own history, without contents. The month is that of the first event of the segment.
 */
export const HISTORIES = 'histories'
export const CONTENTS = 'contents'
const SLICE = /^(\d{4}-\d{2})-([0-9a-f]{64})-(\d{1,15})-(\d{1,15})\.jsonl$/
const KNOWN = /^known-(\d{1,12})\.json$/
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

/** The file whose name says until when the history of a gateway is complete. */
export function knownPath(gateway: string, until: Seconds): string {
  return `${HISTORIES}/${gateway}/known-${until}.json`
}

export const contentPath = (sha256: string): string => `${CONTENTS}/${sha256}.gz`

/** @param name of a file in the folder of a gateway's history; undefined: another file */
export function parseSlice(gateway: string, name: string): HistorySlice | undefined {
  const [, month, first, from, to] = SLICE.exec(name) ?? []
  if (month === undefined || first === undefined) return undefined
  return { gateway, month, first, from: Number(from), to: Number(to) }
}

/** Until when a history is complete, by the name of a file; undefined: another file. */
export function parseKnown(name: string): Seconds | undefined {
  const until = KNOWN.exec(name)?.[1]
  return until === undefined ? undefined : Number(until)
}

export const isHistoryFile = (name: string): boolean => SLICE.test(name) || KNOWN.test(name)

/** The SHA-256 of a content, uncompressed, by its path in the central folder; undefined: another file. */
export function contentOf(path: string): string | undefined {
  const [top, name = '', ...more] = path.split('/')
  return top === CONTENTS && more.length === 0 ? CONTENT.exec(name)?.[1] : undefined
}

/** Whether a file of a history is larger than any gateway writes it. */
export const isTooLarge = (path: string, size: Octets): boolean =>
  path.startsWith(`${HISTORIES}/`) && size > MAX_SLICE
