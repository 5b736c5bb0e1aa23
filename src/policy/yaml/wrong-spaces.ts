/**
 * Tabs, no-break spaces and missing spaces: mistakes that an editor or a web page makes invisible, and
 * that move every line after them to another place in the document.
 */
import { quote } from '../../base/errors/messages/format.js'
import { MAX_SEARCHED, moreLines, type Cause, type TextLine } from './text-lines.js'

/** Characters that look like a space or like nothing, but are not a space in YAML 1.2 §5.5. */
const ODD_SPACE = '[\\u00a0\\u00ad\\u1680\\u2000-\\u200b\\u202f\\u205f\\u2060\\u3000\\ufeff]'
const NAMES: Readonly<Record<string, string>> = {
  '\u00a0': 'no-break space',
  '\u200b': 'zero-width space',
  '\u202f': 'narrow no-break space',
  '\u3000': 'ideographic space',
  '\ufeff': 'byte order mark'
}

/** A kind of mistake. */
interface Mistake {
  /** Matches a line up to and including the mistake, its last group. */
  readonly form: RegExp
  readonly problem: (found: string, more: number) => string
}

const MISTAKES: readonly Mistake[] = [
  {
    form: /^[ -]*(\t)[\t ]*[^\t #]/d,
    problem: (_, more) => `tab in the indentation; use spaces${moreLines(more)}`
  },
  {
    // In the indentation, after `- ` or `key:`, or before the colon.
    form: new RegExp(`^[ -]*(?:[\\w-]+ *(?::|(?=${ODD_SPACE}+ *:)))?(${ODD_SPACE})`, 'd'),
    problem: (found, more) => {
      const code = found.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')
      const name = `${NAMES[found] ?? 'unusual space'} (U+${code})`
      return `${name} where YAML needs an ordinary space${moreLines(more)}`
    }
  },
  {
    form: /^ *(-[A-Za-z*'"][\w.*-]*:?)/d,
    problem: (found, more) =>
      `no space after the hyphen: write ${quote(`- ${found.slice(1)}`)}${moreLines(more)}`
  },
  {
    form: /^[ -]*([a-z][a-z-]*:)(?=[^\s/:][^:]*$)/d,
    problem: (found, more) => `no space after ${quote(found)}${moreLines(more)}`
  }
]

/**
 * The first mistake that an error can come from; undefined if there is none.
 *
 * @param isBlamed whether an error can come from a mistake in the line of this index
 */
export function wrongSpace(
  lines: readonly TextLine[],
  isBlamed: (line: number) => boolean
): Cause | undefined {
  for (const { form, problem } of MISTAKES) {
    const found = lines.flatMap(({ text, offset }, line) => {
      const match = form.exec(text.slice(0, MAX_SEARCHED))
      if (match === null) return []
      return [{ line, offset: offset + match.indices![1]![0], text: match[1]! }]
    })
    let at = found.findIndex(({ line }) => isBlamed(line))
    if (at === -1) continue
    // An error can come long after the first of many such lines.
    while (found[at - 1]?.line === found[at]!.line - 1) at--
    const first = found[at]!
    return { offset: first.offset, problem: problem(first.text, found.length - 1) }
  }
  return undefined
}
