import { COVER } from '../../model/types.js'
import type { LineReader, ListSink } from '../line-reader.js'
import { LOCAL_NAME, invalidNameReason, type ListText } from '../list-text.js'

const [AT, AMPERSAND] = [0x40, 0x26]

/**
 * Reads v2fly lists (domain-list-community): `domain:name` or `name` covers itself and everything
 * below, `full:name` only itself. `@attribute` and `&group` after a name are ignored.
 */
export class V2flyReader implements LineReader {
  read(text: ListText, sink: ListSink): boolean {
    if (!text.nextWord()) return false
    const { from, to } = text
    while (text.nextWord()) {
      const first = text.octets[text.from]
      if (first !== AT && first !== AMPERSAND) {
        sink.skipLine(text.line, text.column, 'expected @attribute or &group after the name')
        return true
      }
    }
    text.from = from
    text.to = to
    const [, kind = ''] = /^(?:([a-z]+):)?(.*)$/s.exec(text.word)!
    text.from += kind === '' ? 0 : kind.length + 1
    readRule(text, kind, sink)
    return true
  }
}

function readRule(text: ListText, kind: string, sink: ListSink): void {
  if (kind === 'regexp') sink.countUnsupported('regular expressions')
  else if (kind === 'keyword') sink.countUnsupported('partial names')
  else if (kind === 'include') sink.countUnsupported('included lists')
  else if (kind !== '' && kind !== 'domain' && kind !== 'full') {
    sink.skipLine(text.line, text.column, `unknown rule type ${kind}:`)
  } else {
    const length = text.readName()
    const cover = kind === 'full' ? COVER.exact : COVER.suffix
    if (length > 0) sink.blockName(text.name, 0, length, cover, text.line)
    else if (length !== LOCAL_NAME) sink.skipLine(text.line, text.column, invalidNameReason(length))
  }
}
