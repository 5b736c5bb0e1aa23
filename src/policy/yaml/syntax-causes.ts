import {
  isAlias,
  isCollection,
  isScalar,
  visit,
  type Document,
  type Node,
  type YAMLError
} from './library.js'
import { misalignedLine } from './misaligned-line.js'
import { syntaxText } from './syntax-texts.js'
import { lineAt, textLines, type Cause, type TextLine } from './text-lines.js'
import { wrongSpace } from './wrong-spaces.js'

type Errors = readonly Pick<YAMLError, 'code' | 'message' | 'pos'>[]

/** After one of these the parser has lost the structure: later errors follow from it. */
const STRUCTURAL: readonly YAMLError['code'][] = [
  ...(['BAD_INDENT', 'BLOCK_AS_IMPLICIT_KEY', 'BLOCK_IN_FLOW', 'MISSING_CHAR'] as const),
  ...(['MULTILINE_IMPLICIT_KEY', 'TAB_AS_INDENT', 'UNEXPECTED_TOKEN'] as const)
]

/**
 * The mistakes behind the errors of the YAML library: each once, where it was made, and what to write
 * instead.
 */
export function syntaxCauses(text: string, document: Document.Parsed, errors: Errors): Cause[] {
  const lines = textLines(text)
  const aliases = unknownAliases(document)
  const aliasLines = new Set(aliases.map(({ offset }) => lineAt(lines, offset)))
  // An alias in place of a key, or followed by more text, leads to other errors in its line.
  const others = errors.filter(({ pos }) => !aliasLines.has(lineAt(lines, pos[0])))
  return [...aliases, ...causesOf(text, lines, document, others)]
}

/** Aliases without an anchor before them: unquoted names such as `*.example.com`. */
export function unknownAliases(document: Document.Parsed): Cause[] {
  const anchors = new Set<string>()
  const causes: Cause[] = []
  visit(document, {
    Node: (_, node) => {
      if (isAlias(node) && !anchors.has(node.source)) {
        const written = `*${node.source.replace(/:$/, '')}`
        const problem = `unquoted ${written} is an alias in YAML; quote it: '${written}'`
        causes.push({ offset: node.range![0], problem })
      } else if (!isAlias(node) && node.anchor !== undefined) anchors.add(node.anchor)
    }
  })
  return causes
}

function causesOf(
  text: string,
  lines: readonly TextLine[],
  document: Document.Parsed,
  errors: Errors
): Cause[] {
  const structural = errors.filter(({ code }) => STRUCTURAL.includes(code))
  const [first] = structural
  if (first === undefined) return errors.map(error => explain(error, lines))
  const errorLines = new Set(structural.map(({ pos }) => lineAt(lines, pos[0])))
  // The parser may notice a line that begins in the wrong place one line later, or at the end before it.
  const isNear = (line: number): boolean =>
    [line - 1, line, line + 1].some(it => errorLines.has(it))
  const cause = wrongSpace(lines, isNear) ?? unclosedNode(text, document, first)
  if (cause !== undefined) return [cause]
  const misaligned = misalignedLine(lines)
  if (misaligned !== undefined && isNear(misaligned.line)) return [misaligned]
  return errors.slice(0, errors.indexOf(first) + 1).map(error => explain(error, lines))
}

/** The quoted text, or the list or mapping in brackets, whose end an error misses. */
function unclosedNode(
  text: string,
  document: Document.Parsed,
  { message }: Errors[number]
): Cause | undefined {
  const sign = message.startsWith('Flow ')
    ? /end with a ([\]}])/.exec(message)?.[1]
    : /^Missing closing (["'])quote/.exec(message)?.[1]
  if (sign === undefined) return undefined
  let offset: number | undefined
  visit(document, {
    Node: (_, node) => {
      const isQuoted = isScalar(node) && (node.type ?? '').startsWith('QUOTE_')
      const isFlow = isCollection(node) && node.flow === true
      // A closed quoted text may end like one that is not: the last one is meant.
      if (isQuoted ? text[node.range![0]] === sign : isFlow && !isClosed(text, node)) {
        offset = node.range![0]
        if (isFlow) return visit.BREAK
      }
      return undefined
    }
  })
  return offset === undefined
    ? undefined
    : { offset, problem: `the ${text[offset]!} here has no closing ${sign}` }
}

function isClosed(text: string, { range }: Node): boolean {
  return /[\]}]/.test(text[range![1] - 1] ?? '')
}

/** An error of the library, with what to write instead where that is known. */
function explain({ code, message, pos }: Errors[number], lines: readonly TextLine[]): Cause {
  const [offset] = pos
  const { text, offset: start } = lines[lineAt(lines, offset)]!
  const rest = text.slice(offset - start)
  if (code === 'BAD_SCALAR_START' || code === 'TAG_RESOLVE_FAILED') {
    return { offset, problem: `text that begins with ${rest[0] ?? ''} must be quoted` }
  }
  if (code === 'BLOCK_AS_IMPLICIT_KEY' && rest.includes(': ')) {
    return { offset, problem: 'text with a colon and a space in it must be quoted' }
  }
  if (/^Unexpected flow-\w+-end/.test(message)) {
    return { offset, problem: `unexpected ${rest[0] ?? ''}: no such bracket is open here` }
  }
  return { offset, problem: syntaxText({ code, message }, rest) }
}
