import type { Comparison } from '../comparison.js'
import type { LineReader } from '../parsed-lookup.js'
import { AdGuardLog } from './adguard-log.js'
import { DnsdistLog } from './dnsdist-log.js'
import { DnsmasqLog } from './dnsmasq-log.js'
import { DnstapLog } from './dnstap-log.js'
import { InterdictLog } from './interdict-log.js'
import type { TimestampReader } from './timestamps.js'
import { TsharkFields, TsharkJson } from './tshark.js'
import { UnboundLog } from './unbound-log.js'

/** Log formats: the values of `--log-format`. */
export const FORMATS = [
  'interdict',
  'dnstap',
  'unbound',
  'dnsdist',
  'dnsmasq',
  'adguard',
  'tshark-json',
  'tshark-fields'
] as const
export type Format = (typeof FORMATS)[number]

/** Patterns of the text formats, in the order in which they are tried. */
const LINES: readonly (readonly [Format, RegExp])[] = [
  ['interdict', /^\{(?:"v":\d|.*"verdict":)/],
  ['adguard', /^\{.*"QH":/],
  ['dnsdist', /^(?:\[\d+\.\d+\] )?Packet from \S+:\d+ for /],
  ['dnsmasq', / dnsmasq(?:-\w+)?\[\d+\]: /],
  [
    'unbound',
    /\bunbound(?:\[[\d:]+\])?: ?.*\b(?:info|notice|warning|error|debug): |\bunbound\[[\d:]+\] \w+: /
  ],
  ['tshark-fields', /(?:^|\t)dns\.qry\.name(?:\t|$)/]
]

/** The escape sequence before a control frame, with which a Frame Streams file starts. */
const FRAME_START = Buffer.from([0, 0, 0, 0])
/** Octets used for detection. */
const DETECTION_LENGTH = 1 << 16

/** Magic numbers of packet captures: pcap in either byte order, in micro- or nanoseconds, and pcapng. */
const CAPTURES = ['a1b2c3d4', 'd4c3b2a1', 'a1b23c4d', '4d3cb2a1', '0a0d0d0a']

/** Whether the file is a packet capture, which has to be converted with tshark first. */
export function isCapture(chunk: Buffer): boolean {
  return CAPTURES.includes(chunk.toString('hex', 0, 4))
}

/** Detects the format by the start of the log; undefined if it is unknown. */
export function detectFormat(chunk: Buffer): Format | undefined {
  if (chunk.subarray(0, 4).equals(FRAME_START)) return 'dnstap'
  const text = chunk.subarray(0, DETECTION_LENGTH).toString()
  if (/^\[\s+\{\s+"_index":/.test(text)) return 'tshark-json'
  // The last line may be truncated; it is tried nevertheless, because it may be the only one.
  for (const line of text.split(/\r?\n/)) {
    const found = LINES.find(([, form]) => form.test(line))
    if (found !== undefined) return found[0]
  }
  return undefined
}

/** A parser for one file; it may keep state between lines. */
export function readerOf(
  format: Format,
  comparison: Comparison,
  stamps: TimestampReader
): LineReader {
  switch (format) {
    case 'interdict':
      return new InterdictLog(comparison)
    case 'dnstap':
      return new DnstapLog(comparison)
    case 'unbound':
      return new UnboundLog(comparison, stamps)
    case 'dnsdist':
      return new DnsdistLog(comparison)
    case 'dnsmasq':
      return new DnsmasqLog(comparison, stamps)
    case 'adguard':
      return new AdGuardLog(comparison)
    case 'tshark-json':
      return new TsharkJson(comparison)
    case 'tshark-fields':
      return new TsharkFields(comparison)
  }
}
