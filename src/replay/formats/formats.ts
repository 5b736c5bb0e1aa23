import type { Comparison } from '../comparison.js'
import type { LineReader } from '../lookup.js'
import { AdGuardLog } from './adguard-log.js'
import { DnsdistLog } from './dnsdist-log.js'
import { DnsmasqLog } from './dnsmasq-log.js'
import { DnstapLog } from './dnstap.js'
import { OwnLog } from './own-log.js'
import type { Stamps } from './stamps.js'
import { TsharkFields, TsharkJson } from './tshark.js'
import { UnboundLog } from './unbound-log.js'

/** Where a log comes from; the words of `--from`. */
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

/** What a line of each text format looks like, in the order in which they are tried. */
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

/** A control frame, of the kind that begins a file. */
const FRAME_START = Buffer.from([0, 0, 0, 0])
/** Octets that are looked at. */
const BEGINNING = 1 << 16

/** How captures begin: pcap in either order of octets, in micro- or nanoseconds, and pcapng. */
const CAPTURES = ['a1b2c3d4', 'd4c3b2a1', 'a1b23c4d', '4d3cb2a1', '0a0d0d0a']

/** Whether these are packets as they were captured, of which tshark makes what is read here. */
export function isCapture(chunk: Buffer): boolean {
  return CAPTURES.includes(chunk.toString('hex', 0, 4))
}

/** What a log is taken for by how it begins; undefined: none that is known. */
export function recognise(chunk: Buffer): Format | undefined {
  if (chunk.subarray(0, 4).equals(FRAME_START)) return 'dnstap'
  const text = chunk.subarray(0, BEGINNING).toString()
  if (/^\[\s+\{\s+"_index":/.test(text)) return 'tshark-json'
  // The last line may be cut: it is looked at all the same, for there may be no other.
  for (const line of text.split(/\r?\n/)) {
    const found = LINES.find(([, form]) => form.test(line))
    if (found !== undefined) return found[0]
  }
  return undefined
}

/** A reader of one file, which may remember what came before in it. */
export function readerOf(format: Format, comparison: Comparison, stamps: Stamps): LineReader {
  switch (format) {
    case 'interdict':
      return new OwnLog(comparison)
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
