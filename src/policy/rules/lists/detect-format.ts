import type { Octets } from '../../../base/units.js'
import type { ListFormat } from '../model/list-format.js'

/** How much of a file, and how many of its lines, are sampled. */
const MAX_SAMPLE: Octets = 262_144
const MAX_LINES = 1000

/** v2fly lists are mostly plain names: a larger share of v2fly syntax than this tells them. */
const V2FLY_RATIO = 0.01

/** A detected format, and what it was detected by, for messages. */
export interface DetectedFormat {
  readonly format: ListFormat
  /** `its first line`, `998 of its first 1000 lines`. */
  readonly by: string
}

/** Header of ad blocker lists. */
const ADBLOCK_HEADER = /^\[(?:adblock|ublock|adguard)[^\]]*\]$/i
const COMMENT = /^(?:[!#;]|\[.*\]$|$)/
/** `##name`, `#@#…`: would be comments by their first character alone. */
const PAGE_RULE = /^#(?:#|@#|\?#|\$#|%#)/

const ADDRESS = /^(?:\d{1,3}(?:\.\d{1,3}){3}|[\da-f]*:[\da-f:.]*(?:%\w+)?)(?:\/\d{1,3})?$/i

/** `$TTL`, `$ORIGIN` or an SOA record: only zone files have them. */
const ZONE_HEAD = /^(?:\$(?:TTL|ORIGIN)\s|\S+\s+(?:\d\w*\s+)?(?:IN\s+)?SOA\s)/i

/** What lines of each format look like, most specific first: the first match counts. */
const LINE_PATTERNS: readonly (readonly [ListFormat, RegExp])[] = [
  ['feed', /^\{.*"value"\s*:/],
  ['rpz', /^\S+\s+(?:\d\w*\s+)?(?:IN\s+)?(?:CNAME|AAAA|A|TXT)\s+\S/i],
  ['unbound', /^(?:server|local-zone|local-data|local-data-ptr)\s*:/],
  ['dnsmasq', /^(?:address|server|local|ipset|nftset)=/],
  ['v2fly', /^(?:full|domain|keyword|regexp|include):|^[^\s/|]+\s+[@&]\S/],
  ['adblock', /^(?:\|\|?|@@|\/.*\/|#)|\^\|?$|\^?\$[a-z~]|#@?[$%]?\??#/]
]

/**
 * Detects the format of a list as that of most of its first lines. Each line is judged by itself,
 * so that one odd line does not change the meaning of all others.
 */
export function detectFormat(octets: Uint8Array): DetectedFormat {
  const lines = firstLines(octets)
  if (ADBLOCK_HEADER.test(lines[0] ?? '')) return { format: 'adblock', by: 'its first line' }
  const rules = lines.filter(isRule).slice(0, MAX_LINES)
  if (rules.some(line => ZONE_HEAD.test(line))) return { format: 'rpz', by: 'its $TTL or SOA' }
  const counts = new Map<ListFormat, number>()
  for (const line of rules) {
    const format = lineFormat(line)
    counts.set(format, (counts.get(format) ?? 0) + 1)
  }
  const [format, count] = [...counts].reduce<readonly [ListFormat, number]>(
    (best, one) => (one[1] > best[1] ? one : best),
    ['domains', 0]
  )
  const v2fly = counts.get('v2fly') ?? 0
  if (format === 'domains' && v2fly > rules.length * V2FLY_RATIO) {
    return { format: 'v2fly', by: lineShare(v2fly, rules.length) }
  }
  return { format, by: lineShare(count, rules.length) }
}

function lineFormat(line: string): ListFormat {
  const format = LINE_PATTERNS.find(([, look]) => look.test(line))?.[0]
  if (format !== undefined) return format
  const [first = '', second = '#'] = line.split(/\s+/, 2)
  if (!ADDRESS.test(first)) return 'domains'
  return second.startsWith('#') ? 'addresses' : 'hosts'
}

function lineShare(count: number, of: number): string {
  if (of === 0) return 'default, as it has no lines'
  if (count === of) return of === 1 ? 'its only line' : `all of its first ${of} lines`
  return `${count} of its first ${of} lines`
}

/** The part of a line that is matched. */
const trimmed = (line: string): string => line.slice(0, 400).trim()

function firstLines(octets: Uint8Array): string[] {
  const text = Buffer.from(octets.subarray(0, MAX_SAMPLE)).toString('latin1')
  const lines = text
    .replace(/^\xef\xbb\xbf/, '')
    .split('\n')
    .map(trimmed)
  // The sample may end inside a line.
  if (octets.length > MAX_SAMPLE && lines.length > 1) lines.pop()
  return lines.filter(line => line !== '')
}

const isRule = (line: string): boolean => !COMMENT.test(line) || PAGE_RULE.test(line)
