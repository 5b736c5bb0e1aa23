import { quote } from '../../base/errors/messages/format.js'
import type { YAMLError } from './library.js'

/** Longest text of a file that a message shows. */
const MAX_SHOWN = 30

/** What is wrong, by the code of the YAML library, whose own texts are for programmers. */
const BY_CODE: Readonly<Record<YAMLError['code'], string>> = {
  ALIAS_PROPS: 'an alias (*name) may have neither an anchor nor a tag',
  BAD_ALIAS: 'text that begins with * or & must be quoted',
  BAD_COLLECTION_TYPE: 'the tag here does not fit what follows it; remove it',
  BAD_DIRECTIVE: 'unknown directive; a line may not begin with %',
  BAD_DQ_ESCAPE: 'invalid escape in double quotes; write single quotes, which have none',
  BAD_INDENT: 'this line begins in the wrong column; align it with the entries it belongs to',
  BAD_PROP_ORDER: 'an anchor or a tag is in the wrong place; remove it, or quote the text',
  BAD_SCALAR_START: 'text that begins with a special character must be quoted',
  BLOCK_AS_IMPLICIT_KEY: 'a list or mapping begins in the line of a key; begin it in the next line',
  BLOCK_IN_FLOW:
    'no comma between two entries in brackets, or an indented list or mapping within brackets',
  DUPLICATE_KEY: 'duplicate key',
  IMPOSSIBLE: 'unexpected text',
  KEY_OVER_1024_CHARS: 'a key is longer than 1024 characters',
  MISSING_CHAR: 'something is missing here, such as a quote, a comma or a space',
  MULTILINE_IMPLICIT_KEY: 'no colon after this key, or a key of more than one line',
  MULTIPLE_ANCHORS: 'a value may have one anchor only',
  MULTIPLE_DOCS:
    'a second document begins here; a file has only one: remove the line --- or ... before it',
  MULTIPLE_TAGS: 'a value may have one tag only',
  NON_STRING_KEY: 'a list or mapping cannot be a key; quote the text',
  RESOURCE_EXHAUSTION: 'nested too deeply',
  TAB_AS_INDENT: 'tab in the indentation; use spaces',
  TAG_RESOLVE_FAILED: 'text that begins with ! must be quoted',
  UNEXPECTED_TOKEN: 'unexpected text'
}

/** More than the code tells, by what the library's message begins with. */
const BY_MESSAGE: readonly (readonly [start: RegExp, text: string])[] = [
  [/^Missing , between/, 'no comma between two entries'],
  [/^Missing , or : between/, 'no comma between two entries'],
  [/^Missing space after :/, 'no space after the colon'],
  [/^Missing closing/, 'a quote is not closed'],
  [/^Implicit map keys need/, 'no colon and space after this key'],
  [/^Sequence item without/, 'expected a list entry, which begins with a hyphen and a space'],
  [/^Comments must be/, 'no space before #; quote the text if # belongs to it'],
  [/^Missing directives-end/, 'text before the line ---; remove it, or that line'],
  [/^Unexpected , in/, 'a comma without an entry before it'],
  [/^Unexpected empty item/, 'a comma without an entry before it'],
  [/^Block scalar header/, 'text after | or > in its line; begin it in the next line']
]

/**
 * What is wrong at an error of the YAML library, in words for those who edit the file.
 *
 * @param rest the line from the error on
 */
export function syntaxText(
  { code, message }: Pick<YAMLError, 'code' | 'message'>,
  rest: string
): string {
  const known = BY_MESSAGE.find(([start]) => start.test(message))
  if (known !== undefined) return known[1]
  const shown = rest.trim().slice(0, MAX_SHOWN)
  if (code !== 'UNEXPECTED_TOKEN' || shown === '') return BY_CODE[code]
  return `unexpected ${quote(shown)}; quote the whole text, or write entries in brackets with commas`
}
