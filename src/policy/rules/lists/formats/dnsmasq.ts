import type { Octets } from '../../../../base/units.js'
import { COVER } from '../../model/types.js'
import { isBlockAddress, readListAddress } from '../block-address.js'
import type { Unsupported, LineReader, ListSink, ListAction } from '../line-reader.js'
import { addressRecord } from '../list-records.js'
import {
  TOP_LEVEL,
  isBlank,
  WordCache,
  LOCAL_NAME,
  invalidNameReason,
  type ListText
} from '../list-text.js'

const [HASH, STAR, DOT, SLASH, EQUALS] = [0x23, 0x2a, 0x2e, 0x2f, 0x3d]

const PASS: ListAction = { layer: 0, kind: 'pass' }
const DATA: ListAction = { layer: 0, kind: 'data' }

/** What a setting does with its names. */
type Meaning =
  | { readonly kind: 'block' | 'pass' }
  | { readonly record: Uint8Array }
  | { readonly unsupported: Unsupported }
  | { readonly why: string }

/** A setting with names; the value after them determines what it does. */
class Setting {
  readonly value = new WordCache<Meaning>()

  constructor(readonly meaningOf: (value: string) => Meaning) {}
}

function addressMeaning(value: string): Meaning {
  if (value === '' || value === '#') return { kind: 'block' }
  const address = readListAddress(value)
  if (address === undefined) return { why: 'expected an address or # after the names' }
  return isBlockAddress(address) ? { kind: 'block' } : { record: addressRecord(address) }
}

function serverMeaning(value: string): Meaning {
  if (value === '') return { kind: 'block' }
  return value === '#' ? { kind: 'pass' } : { unsupported: 'per-domain upstream servers' }
}

/**
 * Reads dnsmasq settings. The names of `address=/a.example/b.example/192.0.2.1`, `server=` and
 * `local=` cover themselves and everything below. No address, `#` or a blocking address blocks them;
 * `server=/name/#` passes. Other settings are not supported.
 */
export class DnsmasqReader implements LineReader {
  private readonly settings = new Map([
    ['address', new Setting(addressMeaning)],
    ['server', new Setting(serverMeaning)],
    ['local', new Setting(serverMeaning)]
  ])
  private readonly key = new WordCache<Setting | 'other' | 'none'>()

  read(text: ListText, sink: ListSink): boolean {
    const { octets } = text
    if (!text.selectLine() || octets[text.from] === HASH) return false
    const { from, to } = text
    let equals = from
    while (equals < to && octets[equals] !== EQUALS) equals++
    text.to = equals
    const setting = this.key.get(text, word => this.settingOf(word))
    text.to = to
    if (setting === 'none') sink.skipLine(text.line, text.column, 'not a dnsmasq setting')
    else if (setting === 'other' || octets[equals + 1] !== SLASH) {
      sink.countUnsupported('other settings')
    } else readNames(text, equals + 1, setting, sink)
    return true
  }

  private settingOf(key: string): Setting | 'other' | 'none' {
    if (!/^[a-z0-9-]+\s*$/.test(key)) return 'none'
    return this.settings.get(key) ?? 'other'
  }
}

/** @param start of the slash before the first name */
function readNames(text: ListText, start: Octets, setting: Setting, sink: ListSink): void {
  const { octets } = text
  const end = wordEnd(text, start)
  let last = end - 1
  while (octets[last] !== SLASH) last--
  text.from = last + 1
  text.to = end
  const meaning = setting.value.get(text, setting.meaningOf)
  if ('why' in meaning) sink.skipLine(text.line, text.column, meaning.why)
  else if ('unsupported' in meaning) sink.countUnsupported(meaning.unsupported)
  else if (last === start) sink.skipLine(text.line, text.column, 'no name between slashes')
  else eachName(text, start, last, meaning, sink)
}

function eachName(
  text: ListText,
  start: Octets,
  last: Octets,
  meaning: Meaning,
  sink: ListSink
): void {
  const { octets } = text
  for (let slash = start; slash < last;) {
    text.from = slash + 1
    slash++
    while (octets[slash] !== SLASH) slash++
    text.to = slash
    giveName(text, meaning, sink)
  }
}

function giveName(text: ListText, meaning: Meaning, sink: ListSink): void {
  const { octets } = text
  const isBelow = octets[text.from] === STAR && octets[text.from + 1] === DOT
  if (isBelow) text.from += 2
  else if (octets[text.from] === DOT) text.from++
  const cover = isBelow ? COVER.below : COVER.suffix
  const length = text.readName()
  if (length > 0) {
    if ('record' in meaning) sink.addName(DATA, text.name, cover, text.line, meaning.record)
    else if ('kind' in meaning && meaning.kind === 'pass')
      sink.addName(PASS, text.name, cover, text.line)
    else sink.blockName(text.name, 0, length, cover, text.line)
  } else if (length === TOP_LEVEL || text.word === '#' || text.word === '') {
    sink.countUnsupported('top-level domains')
  } else if (octets[text.from] === STAR) sink.countUnsupported('names with inner wildcards')
  else if (length !== LOCAL_NAME) sink.skipLine(text.line, text.column, invalidNameReason(length))
}

/** Where the word that begins at `start` ends: names and addresses have no blanks in them. */
function wordEnd({ octets, to }: ListText, start: Octets): Octets {
  let end = start
  while (end < to && !isBlank(octets[end]!)) end++
  return end
}
