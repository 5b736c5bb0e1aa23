import {
  LANGUAGES,
  type Explain,
  type ExplainText,
  type Language
} from '../model/user-explanation.js'
import { SUB_ERROR } from '../model/user-explanation.js'
import type { Location } from '../model/location.js'
import type { ExplainEntry } from '../schema/explain-schema.js'
import type { Defaults, ReplyEntry } from '../schema/networks-schema.js'

/**
 * The explanation of a ban or block, completed with the defaults of the file; undefined if neither says
 * anything. What is written for one language comes before what is written for all.
 */
export function explainOf(
  entry: Pick<ReplyEntry, 'explain' | 'ede'>,
  defaults: Defaults,
  location: Location
): Explain | undefined {
  const { explain } = entry
  const { register } = defaults
  if (explain === undefined && defaults.explain === undefined && register === undefined)
    return undefined
  const subError = explain?.['sub-error']
  if (subError !== undefined && !SUB_ERROR[subError].ede.some(it => it === entry.ede)) {
    const at = location.at('explain', 'sub-error')
    at.error('RULES_REPLY', at.pathText, `${subError} is not allowed with ede ${entry.ede}`)
  }
  const textIn = (language: Language): ExplainText => ({
    ...textOf(language, [explain, defaults.explain]),
    ...translationsOf(explain?.[language])
  })
  const texts = Object.fromEntries(LANGUAGES.map(it => [it, textIn(it)]))
  return { subError, register, texts: texts as Explain['texts'] }
}

/** How the rule is called in a language, and who has decided what; empty: as it says itself. */
function translationsOf(entry: ExplainEntry[Language] = {}): Partial<ExplainText> {
  const { title, authority, reference, 'legal-basis': legalBasis } = entry
  const all = { title, authority, reference, legalBasis }
  return Object.fromEntries(Object.entries(all).filter(([, text]) => text !== undefined))
}

/** @param entries the first that has something decides */
function textOf(
  language: Language,
  entries: readonly (Omit<ExplainEntry, 'sub-error'> | undefined)[]
): ExplainText {
  const candidates = entries.flatMap(entry => (entry === undefined ? [] : [entry[language], entry]))
  const first = <K extends 'contact' | 'organization'>(key: K) =>
    candidates.find(it => it?.[key] !== undefined)?.[key]
  return {
    contact: first('contact') ?? [],
    justification: entries.find(entry => entry?.[language]?.justification)?.[language]
      ?.justification,
    organization: first('organization')
  }
}
