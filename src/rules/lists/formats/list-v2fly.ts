import { COVER } from '../../model/types.js'
import type { LineReader, LineSink } from '../list-reader.js'
import { LOCAL_NAME, whyNoName, type ListText } from '../list-text.js'

const [AT, AMPERSAND] = [0x40, 0x26]

/**
 * Reads lists of v2fly (domain-list-community): `domain:name` or `name` for itself and all below
 * it, `full:name` for itself. What stands behind a name, `@ads` or `&group`, is not looked at.
 */
export class V2flyReader implements LineReader {
  read(text: ListText, sink: LineSink): boolean {
    if (!text.nextWord()) return false
    const { from, to } = text
    while (text.nextWord()) {
      const first = text.octets[text.from]
      if (first !== AT && first !== AMPERSAND) {
        sink.bad(text.line, text.column, 'neither @attribute nor &group behind a name')
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

function readRule(text: ListText, kind: string, sink: LineSink): void {
  if (kind === 'regexp') sink.inapplicable('regular expressions')
  else if (kind === 'keyword') sink.inapplicable('parts of names')
  else if (kind === 'include') sink.inapplicable('other lists')
  else if (kind !== '' && kind !== 'domain' && kind !== 'full') {
    sink.bad(text.line, text.column, `no kind of rules: ${kind}`)
  } else {
    const length = text.readName()
    const cover = kind === 'full' ? COVER.exact : COVER.suffix
    if (length > 0) sink.name(text.name, 0, length, cover, text.line)
    else if (length !== LOCAL_NAME) sink.bad(text.line, text.column, whyNoName(length))
  }
}
