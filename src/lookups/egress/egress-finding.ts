import type { Milliseconds, Octets } from '../../base/units.js'

/** What a connection is found by; see docs/guides/observe-egress.md. */
export const FINDING_KINDS = ['banned', 'resolver', 'unresolved'] as const
export type FindingWord = (typeof FINDING_KINDS)[number]

/** Connections of a client to an address that are findings, since the previous line about the same. Its JSON form is public. */
export interface EgressFinding {
  readonly kind: FindingWord
  readonly network: string
  /** As the privacy mode of its network writes it; null: not at all. */
  readonly client: string | null
  readonly destination: string
  readonly port: number
  readonly protocol: 'tcp' | 'udp'
  /** Apps of the catalogue that have the address. */
  readonly apps: readonly string[]
  /** Banned names that have it, at most a few. */
  readonly names: readonly string[]
  readonly first: Milliseconds
  readonly last: Milliseconds
  /** Connections that began. */
  readonly connections: number
  /** Of connections that ended, in both directions; null: not counted. */
  readonly octets: Octets | null
}

/**
 * A line of the findings.
 *
 * `start`   connections are observed from here on
 * `alive`   they still are: every ten minutes
 * `stop`    they are not
 * `lost`    some events were not judged, for lack of room
 * `finding` connections were found
 */
export type FindingLine =
  | { readonly event: 'start' | 'alive' | 'stop'; readonly time: Milliseconds }
  | { readonly event: 'lost'; readonly time: Milliseconds; readonly count: number }
  | { readonly event: 'finding'; readonly time: Milliseconds; readonly finding: EgressFinding }

/** Between two lines `alive`. */
export const ALIVE_INTERVAL: Milliseconds = 600_000

const iso = (time: Milliseconds): string => new Date(time).toISOString()

/** Writes a line without its line end. */
export function encodeFindingLine(line: FindingLine): string {
  const head = { v: 1, time: iso(line.time), event: line.event }
  if (line.event === 'lost') return JSON.stringify({ ...head, count: line.count })
  if (line.event !== 'finding') return JSON.stringify(head)
  const { first, last, ...facts } = line.finding
  return JSON.stringify({ ...head, ...facts, first: iso(first), last: iso(last) })
}

/** Reads a line; undefined: it is not one, or not of this version. */
export function parseFindingLine(text: string): FindingLine | undefined {
  let value: Record<string, unknown> | null
  try {
    value = JSON.parse(text) as Record<string, unknown> | null
  } catch {
    return undefined
  }
  if (value?.v !== 1) return undefined
  const time = Date.parse(String(value.time))
  if (Number.isNaN(time)) return undefined
  const { event } = value
  if (event === 'start' || event === 'alive' || event === 'stop') return { event, time }
  if (event === 'lost' && isCount(value.count)) return { event, time, count: value.count }
  const finding = event === 'finding' ? findingIn(value) : undefined
  return finding && { event: 'finding', time, finding }
}

function findingIn(value: Record<string, unknown>): EgressFinding | undefined {
  const { kind, network, client, destination, port, protocol, connections, octets } = value
  const first = Date.parse(String(value.first))
  const last = Date.parse(String(value.last))
  const isWhole =
    FINDING_KINDS.includes(kind as FindingWord) &&
    typeof network === 'string' &&
    (client === null || typeof client === 'string') &&
    typeof destination === 'string' &&
    isCount(port) &&
    (protocol === 'tcp' || protocol === 'udp') &&
    isCount(connections) &&
    (octets === null || isCount(octets)) &&
    !Number.isNaN(first + last)
  if (!isWhole) return undefined
  return {
    ...{ kind: kind as FindingWord, network, client, destination, port, protocol },
    ...{ apps: textsIn(value.apps), names: textsIn(value.names), first, last, connections, octets }
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function textsIn(value: unknown): string[] {
  return Array.isArray(value) ? value.filter(one => typeof one === 'string') : []
}
