import type { Address } from '../../base/address.js'
import { COVER } from '../model/types.js'
import { isNowhere, readListAddress } from '../nowhere.js'
import type { LineReader, LineSink, Saying } from './list-reader.js'
import { addressRecord } from './list-records.js'
import { isDigit, LastWords, LOCAL_NAME, whyNoName, type ListText } from './list-text.js'

const [BANG, PERCENT, STAR, DOT, COLON] = [0x21, 0x25, 0x2a, 0x2e, 0x3a]

/** What the names behind an address are: blocked, those of a host, or of nothing that is known. */
type Meaning = 'blocked' | 'real' | { readonly record: Uint8Array }

/**
 * Reads lists of names and hosts files. Comments begin with `#`, or with `!` at the start of a
 * line.
 *
 * `domains` a name a line, which stands for itself and all below it; `*.name` means the same, since
 *           that is what the publishers of such lists mean by it
 * `hosts`   an address that leads nowhere, then names, which stand for themselves only
 * `either`  each line as one of the two, by whether it begins with an address
 */
export class NamesReader implements LineReader {
  private readonly address = new LastWords<Meaning>()

  /** @param data what is said of names that have the address of a host; not given: such are bad */
  constructor(
    private readonly kind: 'domains' | 'hosts' | 'either',
    private readonly data?: Saying
  ) {}

  read(text: ListText, sink: LineSink): boolean {
    if (!text.nextWord() || text.octets[text.from] === BANG) return false
    const { kind } = this
    if (kind !== 'domains' && isAddress(text)) this.readHosts(text, sink)
    else if (kind === 'hosts') bad(text, sink, 'does not begin with an address')
    else readDomain(text, sink)
    return true
  }

  private readHosts(text: ListText, sink: LineSink): void {
    const meaning = this.address.meaning(text, word => this.meaningOf(readListAddress(word)))
    let names = 0
    for (; text.nextWord(); names++) {
      if (meaning === 'blocked') give(text, sink, COVER.exact)
      else if (meaning !== 'real') this.answer(text, meaning.record, sink)
      else if (!text.isLocal) bad(text, sink, 'an address of a real host')
    }
    if (names === 0) bad(text, sink, 'an address without a name')
  }

  private meaningOf(address: Address | undefined): Meaning {
    if (address === undefined) return 'real'
    if (isNowhere(address)) return 'blocked'
    return this.data === undefined ? 'real' : { record: addressRecord(address) }
  }

  private answer(text: ListText, record: Uint8Array, sink: LineSink): void {
    const length = text.readName()
    if (length > 0) sink.say(this.data!, text.name, COVER.exact, text.line, record)
    else if (length !== LOCAL_NAME) bad(text, sink, whyNoName(length))
  }
}

function readDomain(text: ListText, sink: LineSink): void {
  const { octets, from, to } = text
  const more = text.nextWord()
  const wildcard = octets[from] === STAR && octets[from + 1] === DOT
  text.from = wildcard ? from + 2 : from
  text.to = to
  if (more) bad(text, sink, 'more than one name')
  else give(text, sink, COVER.suffix)
}

function give(text: ListText, sink: LineSink, cover: number): void {
  const length = text.readName()
  if (length > 0) sink.name(text.name, 0, length, cover, text.line)
  else if (length !== LOCAL_NAME) bad(text, sink, whyNoName(length))
}

/** Whether the word looks like an address: dotted digits, or hexadecimal ones with a colon. */
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

function bad(text: ListText, sink: LineSink, why: string): void {
  sink.bad(text.line, text.column, why)
}
