import { showCanonical, showName } from '../../dns/name/name.js'
import type { NameSelection } from '../../report/questions/selection.js'
import { readPattern } from '../../rules/model/pattern.js'
import { given } from './given.js'

/**
 * Names as rules have them: itself and all below it, `=name`, `*.name`; in Unicode, too. What has a
 * backslash is as the log writes it, for names that no rule can have.
 */
export function givenNames(text: string): NameSelection {
  if (text.includes('\\')) return { shown: text, name: text.toLowerCase(), cover: 'suffix' }
  return given('--name', () => {
    const pattern = readPattern(text)
    if (pattern === undefined) throw new Error(`${text} is not a domain name, =name or *.name`)
    const name = showCanonical(showName(pattern.name))
    // Below the root is everything.
    return {
      shown: SHOWN[pattern.cover](name),
      name,
      cover: name === '.' ? 'exact' : pattern.cover
    }
  })
}

const SHOWN = {
  suffix: (name: string) => `${name} and below`,
  exact: (name: string) => name,
  below: (name: string) => `below ${name}`
} as const
