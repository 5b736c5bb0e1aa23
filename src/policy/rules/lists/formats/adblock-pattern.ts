import { readPrefix, type Prefix } from '../../../../base/values/address.js'
import { InterdictError } from '../../../../base/errors/error.js'
import { readName } from '../../../../wire/dns/name/name.js'
import { coversTopLevelDomain, readAscii, type Pattern } from '../../model/pattern.js'
import type { Rejection } from './adblock-modifiers.js'

/** What a pattern matches, in names or addresses. */
export type RuleTarget = Pattern | { readonly prefix: Prefix }

/** Anchor (`||`, `|` or nothing), name, and separator at the end. */
const PARTS = /^(\|\|?)?(.*?)(\^?\|?)$/s
/** ASCII that is invalid in names. */
const ODD = /[\0-\x20"#$%&'()+,;<=>@[\\\]`{|}~\x7f]/

/**
 * Reads the pattern of a rule. `||name^` covers a name and everything below, `|name^` only the name,
 * `||*.name^` and `.name^` everything below; an address matches in answers. A plain name covers
 * itself, and `||name` is read as `||name^`.
 */
export function readHostPattern(text: string): RuleTarget | Rejection {
  const [, start = '', middle = '', end = ''] = PARTS.exec(text)!
  const prefix = addressOf(middle)
  if (prefix !== undefined) return { prefix }
  if (/[/:?^]/.test(middle)) return { unsupported: 'rules for URLs' }
  const below = start === '|' ? undefined : /^\*?\.(.+)$/s.exec(middle)?.[1]
  const name = below ?? middle
  if (name.includes('*')) return { unsupported: 'names with inner wildcards' }
  if (ODD.test(name)) return { why: 'not a domain name' }
  if (isPartialName(start, middle, end)) return { unsupported: 'partial names' }
  return nameTarget(name, below !== undefined ? 'below' : start === '||' ? 'suffix' : 'exact')
}

/** Whether a pattern matches parts of names, so that it is not for a name or zone. */
function isPartialName(start: string, middle: string, end: string): boolean {
  const isWhole = start === '' && end === ''
  if (isWhole) return /^[.-]|[.-]$|^[^.]*$|^[\d.]*$/.test(middle)
  if (end === '') return start === '|' || /[.-]$|^[^.]*$|^[\d.]*$/.test(middle)
  return start === '' ? !/^\*?\../.test(middle) : /^[\d.]*$/.test(middle)
}

function nameTarget(text: string, cover: Pattern['cover']): RuleTarget | Rejection {
  try {
    const name = readAscii(text) ?? readName(text)
    if (coversTopLevelDomain({ cover: 'suffix', name })) return { unsupported: 'top-level domains' }
    return { cover, name }
  } catch (error) {
    if (error instanceof InterdictError) return { why: 'not a domain name' }
    throw error
  }
}

function addressOf(text: string): Prefix | undefined {
  if (!/^[\da-f.:]+$/i.test(text)) return undefined
  try {
    return readPrefix(text)
  } catch (error) {
    if (error instanceof InterdictError) return undefined
    throw error
  }
}
