import { readPrefix } from '../../../../base/values/address.js'
import { InterdictError } from '../../../../base/errors/error.js'
import type { LineReader, ListSink } from '../line-reader.js'
import type { ListText } from '../list-text.js'

/** Reads lists of addresses and prefixes, one per line, to match in answers. */
export class AddressesReader implements LineReader {
  read(text: ListText, sink: ListSink): boolean {
    if (!text.nextWord()) return false
    try {
      sink.addPrefix(undefined, readPrefix(text.word), text.line)
    } catch (error) {
      if (!(error instanceof InterdictError)) throw error
      sink.skipLine(text.line, text.column, 'not an address or prefix')
    }
    return true
  }
}
