import { failure } from '../../../base/errors/error.js'
import type { Migration, Place } from '../draft/migration.js'
import { readNamed, textOf, type SourceFile } from '../draft/source-file.js'

/** A statement of named.conf: words, and perhaps a block of statements in braces. */
export interface Statement extends Place {
  readonly words: readonly string[]
  readonly block: readonly Statement[] | undefined
}

interface Token {
  readonly text: string
  readonly line: number
  readonly isQuoted: boolean
}

const TOKEN = /"((?:[^"\\]|\\.)*)"|\/\*[\s\S]*?\*\/|\/\/[^\n]*|#[^\n]*|[{};]|[^\s{};"]+|\n/g
const MAX_INCLUDES = 1000

/** Reads the statements of named.conf, with those of the files that it includes. @throws InterdictError MIGRATE_UNREADABLE */
export function readStatements(source: SourceFile, migration: Migration): readonly Statement[] {
  let included = 0
  const readFile = (from: SourceFile): readonly Statement[] =>
    statementsOf(from).flatMap(statement => {
      const [word, name = ''] = statement.words
      if (word !== 'include') return [statement]
      const file = ++included > MAX_INCLUDES ? undefined : readNamed(source, name)
      const advice = 'the file is not here: copy it beside this one and migrate again'
      migration.settle(statement, show(statement), file === undefined ? advice : undefined)
      return file === undefined ? [] : readFile(file)
    })
  return readFile(source)
}

export function show({ words, block }: Statement): string {
  return `${words.join(' ')}${block === undefined ? '' : ' { … }'}`
}

/** Number of statements without a block in this one; at least one. */
export function sizeOf({ block }: Statement): number {
  const size = block?.reduce((sum, one) => sum + sizeOf(one), 0) ?? 1
  return Math.max(1, size)
}

function statementsOf(source: SourceFile): readonly Statement[] {
  const tokens = tokensOf(textOf(source))
  let at = 0
  const readBlock = (isTop: boolean): Statement[] => {
    const statements: Statement[] = []
    for (;;) {
      const token = tokens[at]
      if (token === undefined) {
        if (isTop) return statements
        throw failure('MIGRATE_UNREADABLE', source.file, 'a brace is not closed')
      }
      if (isSign(token, '}')) {
        at++
        if (!isTop) return statements
        throw failure('MIGRATE_UNREADABLE', source.file, `line ${token.line}: a brace too many`)
      }
      if (isSign(token, ';')) at++
      else statements.push(readStatement(token.line))
    }
  }
  const readStatement = (line: number): Statement => {
    const words: string[] = []
    let block: Statement[] | undefined
    for (; at < tokens.length;) {
      const token = tokens[at]!
      if (isSign(token, ';') || isSign(token, '}')) break
      at++
      if (isSign(token, '{')) block = [...(block ?? []), ...readBlock(false)]
      else words.push(token.text)
    }
    return { file: source.file, line, words, block }
  }
  return readBlock(true)
}

const isSign = ({ text, isQuoted }: Token, sign: string): boolean => !isQuoted && text === sign

function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = []
  let line = 1
  for (const [token, quoted] of text.matchAll(TOKEN)) {
    const isComment = quoted === undefined && /^(\/\*|\/\/|#)/.test(token)
    if (token !== '\n' && !isComment)
      tokens.push({ text: quoted ?? token, line, isQuoted: quoted !== undefined })
    line += token.split('\n').length - 1
  }
  return tokens
}
