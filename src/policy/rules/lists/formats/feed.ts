import { readPrefix } from '../../../../base/values/address.js'
import { InterdictError } from '../../../../base/errors/error.js'
import { MS_PER_SECOND, type Milliseconds, type Seconds } from '../../../../base/units.js'
import { COVER } from '../../model/types.js'
import { readTlp, TLP, type Tlp } from '../../model/tlp.js'
import type { LineReader, ListAction, ListSink } from '../line-reader.js'
import { ADDRESS, LOCAL_NAME, ListText, invalidNameReason } from '../list-text.js'

/** What the rules say of indicators. */
export interface FeedOptions {
  /** Indicators below it are not in force; those without a confidence are. */
  readonly minConfidence?: number | undefined
  /** How long after it was last seen an indicator without `valid_until` is in force; undefined: as long as it is listed. */
  readonly validFor?: Milliseconds | undefined
  /** Wall-clock time. */
  readonly now: Seconds
}

/** An indicator as a line of a feed has it. Keys as in STIX 2.1 and MISP; others are ignored. */
export interface Indicator {
  readonly value: string
  readonly type?: 'domain' | 'hostname' | 'address' | 'url'
  readonly first_seen?: string
  readonly last_seen?: string
  readonly valid_until?: string
  /** From 0 to 100. */
  readonly confidence?: number
  readonly tlp?: string
}

const TYPES = ['domain', 'hostname', 'address', 'url']
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/
/** A longer value is not a name or an address. */
const MAX_VALUE = 2048
/** The latest expiry that fits, in 2106. */
const MAX_EXPIRY: Seconds = 2 ** 32 - 1

const ACTIONS = new Map<Tlp | undefined, ListAction>(
  [undefined, ...TLP].map(tlp => [tlp, { layer: 0, kind: 'rule', ...(tlp && { tlp }) }])
)

/**
 * Reads feeds of indicators: a JSON object per line. An indicator that has expired, or whose confidence is too low, is
 * counted and not in force.
 */
export class FeedReader implements LineReader {
  private readonly octets = Buffer.alloc(MAX_VALUE)
  private readonly value = new ListText(this.octets)

  constructor(private readonly options: FeedOptions) {}

  read(text: ListText, sink: ListSink): boolean {
    if (!text.selectLine()) return false
    const line = parseIndicator(text)
    if ('why' in line) {
      sink.skipLine(text.line, columnOf(text, line.key), line.why)
      return true
    }
    const { confidence = 100, tlp } = line
    const until = expiryOf(line, this.options.validFor)
    if (Number.isNaN(until)) sink.skipLine(text.line, columnOf(text, 'valid_until'), NO_TIME)
    else if (until <= this.options.now) sink.countUnsupported('expired indicators')
    else if (confidence < (this.options.minConfidence ?? 0))
      sink.countUnsupported('indicators below the minimum confidence')
    else if (this.add(text, line, ACTIONS.get(tlp === undefined ? undefined : readTlp(tlp))!, sink))
      if (until < MAX_EXPIRY) sink.setExpiry(text.line, until)
    return true
  }

  /** @returns whether the indicator is in force */
  private add(text: ListText, given: Indicator, action: ListAction, sink: ListSink): boolean {
    const skip = (why: string): boolean => {
      sink.skipLine(text.line, columnOf(text, 'value'), why)
      return false
    }
    const indicator = given.type === 'url' ? hostOfUrl(given.value) : given
    if (indicator === undefined) {
      sink.countUnsupported('rules for URLs')
      return false
    }
    const { value, type } = indicator
    if (type === 'address') return addPrefix(text.line, value, action, sink) || skip(NO_ADDRESS)
    const length = this.readName(value)
    if (length > 0) {
      const cover = type === 'hostname' ? COVER.exact : COVER.suffix
      sink.addName(action, this.value.name, cover, text.line)
      return true
    }
    const isAddress = type === undefined && (length === ADDRESS || /[:/]/.test(value))
    if (isAddress && addPrefix(text.line, value, action, sink)) return true
    return length === LOCAL_NAME ? false : skip(invalidNameReason(length))
  }

  private readName(value: string): number {
    this.value.from = 0
    // Longer ones are cut off, and are not names either way.
    this.value.to = this.octets.write(value)
    return this.value.readName()
  }
}

const NO_ADDRESS = 'not an address or prefix'

/** The indicator of a line, or why it has none and which key is wrong. */
export function parseIndicator(
  text: Pick<ListText, 'text'>
): Indicator | { readonly why: string; readonly key?: string } {
  let value: unknown
  try {
    value = JSON.parse(text.text)
  } catch {
    return { why: 'not a JSON object' }
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { why: 'not a JSON object' }
  const given = value as Record<string, unknown>
  const { type, confidence, tlp } = given
  if (typeof given.value !== 'string' || given.value === '')
    return { why: 'expected "value": a name, an address, a prefix or a URL', key: 'value' }
  if (type !== undefined && !TYPES.includes(type as string))
    return { why: `expected one of ${TYPES.join(', ')}`, key: 'type' }
  const { first_seen: first, last_seen: last, valid_until: until } = given
  if (!isTime(first)) return { why: NO_TIME, key: 'first_seen' }
  if (!isTime(last)) return { why: NO_TIME, key: 'last_seen' }
  if (!isTime(until)) return { why: NO_TIME, key: 'valid_until' }
  const isPercentage = typeof confidence === 'number' && confidence >= 0 && confidence <= 100
  if (confidence !== undefined && confidence !== null && !isPercentage)
    return { why: 'expected a number from 0 to 100', key: 'confidence' }
  if (tlp !== undefined && tlp !== null && (typeof tlp !== 'string' || readTlp(tlp) === undefined))
    return { why: `expected one of ${TLP.join(', ')}`, key: 'tlp' }
  const hasNulls =
    first === null || last === null || until === null || confidence === null || tlp === null
  return (hasNulls ? withoutNulls(given) : given) as unknown as Indicator
}

const NO_TIME = 'expected a time such as 2026-12-01T08:00:00Z'

/** Whether it looks like a time, or is not given. */
const isTime = (value: unknown): boolean =>
  value === undefined || value === null || (typeof value === 'string' && TIME.test(value))

/** MISP writes null for what is not known. */
function withoutNulls(given: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null))
}

/** When an indicator leaves the list; NaN: at a time that does not exist. */
export function expiryOf(
  { first_seen: first, last_seen: last, valid_until: until }: Indicator,
  validFor: Milliseconds | undefined
): Seconds {
  const seen = last ?? first
  if (until === undefined && (validFor === undefined || seen === undefined)) return MAX_EXPIRY
  const at = until === undefined ? Date.parse(seen!) + validFor! : Date.parse(until)
  return Math.min(MAX_EXPIRY, Math.max(1, Math.floor(at / MS_PER_SECOND)))
}

/** The host of a URL, if the URL is of the whole site; a path is of a page, whose site may be used by others. */
function hostOfUrl(url: string): Indicator | undefined {
  if (!URL.canParse(url)) return undefined
  const { hostname, pathname, search } = new URL(url)
  if (hostname === '' || pathname + search !== '/') return undefined
  const address = /^\[(.*)\]$/.exec(hostname)?.[1] ?? hostname
  if (/^[\d.]+$|:/.test(address)) return { value: address, type: 'address' }
  return { value: hostname, type: 'hostname' }
}

function addPrefix(line: number, value: string, action: ListAction, sink: ListSink): boolean {
  try {
    sink.addPrefix(action, readPrefix(value), line)
    return true
  } catch (error) {
    if (error instanceof InterdictError) return false
    throw error
  }
}

/** Column of a key in the line, from 1; without it, of the line. */
function columnOf(text: ListText, key: string | undefined): number {
  const at = key === undefined ? -1 : text.text.indexOf(`"${key}"`)
  return text.column + Math.max(0, at)
}
