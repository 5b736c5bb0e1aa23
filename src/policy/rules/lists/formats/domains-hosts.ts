import type { Address } from '../../../../base/values/address.js'
import { COVER, type CoverCode } from '../../model/types.js'
import { isBlockAddress, readListAddress } from '../block-address.js'
import type { LineReader, ListSink, ListAction } from '../line-reader.js'
import { addressRecord } from '../list-records.js'
import { isDigit, WordCache, LOCAL_NAME, invalidNameReason, type ListText } from '../list-text.js'

const [BANG, PERCENT, STAR, DOT, COLON] = [0x21, 0x25, 0x2a, 0x2e, 0x3a]

/** What an address means for the names after it; `real`: it is not an address for blocking. */
type AddressMeaning = 'blocked' | 'real' | { readonly record: Uint8Array }

/**
 * Reads domain lists and hosts files. Comments begin with `#`, or at the start of a line with `!`.
 *
 * `domains` one name per line, which covers itself and everything below it; `*.name` means the
 *           same, as this is what publishers of such lists mean by it
 * `hosts`   a blocking address (see `isBlockAddress`), then names, which cover only themselves
 * `either`  each line as one of the two: as `hosts` if it begins with an address
 */
export class NamesReader implements LineReader {
  private readonly address = new WordCache<AddressMeaning>()

  /** @param recordAction for names with the address of a real host; undefined: skip them */
  constructor(
    private readonly kind: 'domains' | 'hosts' | 'either',
    private readonly recordAction?: ListAction
  ) {}

  read(text: ListText, sink: ListSink): boolean {
    if (!text.nextWord() || text.octets[text.from] === BANG) return false
    const { kind } = this
    if (kind !== 'domains' && isAddress(text)) this.readHosts(text, sink)
    else if (kind === 'hosts') skip(text, sink, 'expected an address first')
    else readDomain(text, sink)
    return true
  }

  private readHosts(text: ListText, sink: ListSink): void {
    const meaning = this.address.get(text, word => this.meaningOf(readListAddress(word)))
    let names = 0
    for (; text.nextWord(); names++) {
      if (meaning === 'blocked') blockWord(text, sink, COVER.exact)
      else if (meaning !== 'real') this.addRecord(text, meaning.record, sink)
      else if (!text.isLocal)
        skip(text, sink, 'not an address that blocks (0.0.0.0, :: or loopback)')
    }
    if (names === 0) skip(text, sink, 'address without a name')
  }

  private meaningOf(address: Address | undefined): AddressMeaning {
    if (address === undefined) return 'real'
    if (isBlockAddress(address)) return 'blocked'
    return this.recordAction === undefined ? 'real' : { record: addressRecord(address) }
  }

  private addRecord(text: ListText, record: Uint8Array, sink: ListSink): void {
    const length = text.readName()
    if (length > 0) sink.addName(this.recordAction!, text.name, COVER.exact, text.line, record)
    else if (length !== LOCAL_NAME) skip(text, sink, invalidNameReason(length))
  }
}

function readDomain(text: ListText, sink: ListSink): void {
  const { octets, from, to } = text
  const more = text.nextWord()
  const wildcard = octets[from] === STAR && octets[from + 1] === DOT
  text.from = wildcard ? from + 2 : from
  text.to = to
  if (more) skip(text, sink, 'more than one name')
  else blockWord(text, sink, COVER.suffix)
}

function blockWord(text: ListText, sink: ListSink, cover: CoverCode): void {
  const length = text.readName()
  if (length > 0) sink.blockName(text.name, 0, length, cover, text.line)
  else if (length !== LOCAL_NAME) skip(text, sink, invalidNameReason(length))
}

/** Whether the word looks like an address: dotted digits, or hexadecimal digits with colons. */
function isAddress({ octets, from, to }: ListText): boolean {
  let digits = true
  let colons = 0
  for (let i = from; i < to; i++) {
    const octet = octets[i]!
    if (octet === PERCENT && colons > 1) return true
    if (octet === COLON) colons++
    else if (octet !== DOT && !isDigit(octet)) {
      digits = false
      if (!isHexLetter(octet)) return false
    }
  }
  return colons > 1 || (digits && colons === 0)
}

function isHexLetter(octet: number): boolean {
  const lower = octet | 0x20
  return lower >= 0x61 && lower <= 0x66
}

function skip(text: ListText, sink: ListSink, why: string): void {
  sink.skipLine(text.line, text.column, why)
}
