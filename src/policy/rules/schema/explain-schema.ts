import * as z from 'zod'
import { parsedString } from '../../yaml/parsed-string.js'
import { LANGUAGES, SUB_ERROR, type SubError } from '../model/user-explanation.js'
import { textSchema } from './app-schema.js'

/** `explain:` of rules and defaults; `docs/reference/rules.md` describes each key. */

export const languageSchema = z.enum(LANGUAGES)

/** An answer over UDP has 1,232 octets for everything. RFC 9715 §3.1. */
const MAX_TEXT = 300
const MAX_ORGANIZATION = 100
const MAX_CONTACT = 100
const MAX_CONTACTS = 4

/**
 * The URI schemes of contacts are `tel` (RFC 3966) and `mailto` (RFC 6068).
 * draft-ietf-dnsop-structured-dns-error §11.3.
 */
const CONTACT = /^(tel:\+?[0-9][0-9().-]*(;[!-~]+)?|mailto:[!-~]+@[!-~]+)$/
const contact = z
  .array(
    parsedString('a contact such as mailto:dns@example.org or tel:+3225550100', text =>
      CONTACT.test(text) && text.length <= MAX_CONTACT ? text : undefined
    )
  )
  .min(1)
  .max(MAX_CONTACTS)

const justification = textSchema.max(MAX_TEXT, `a text of at most ${MAX_TEXT} characters`)
const organization = textSchema.max(
  MAX_ORGANIZATION,
  `a text of at most ${MAX_ORGANIZATION} characters`
)

const inLanguage = z.strictObject({
  contact: contact.optional(),
  justification: justification.optional(),
  organization: organization.optional()
})

const fields = {
  contact: contact.optional(),
  organization: organization.optional(),
  en: inLanguage.optional(),
  fr: inLanguage.optional(),
  nl: inLanguage.optional(),
  de: inLanguage.optional()
}

export const defaultExplainSchema = z.strictObject(fields)

const translated = textSchema.max(MAX_TEXT, `a text of at most ${MAX_TEXT} characters`).optional()
const blockInLanguage = inLanguage.extend({ title: translated }).optional()
const banInLanguage = inLanguage
  .extend({
    title: translated,
    authority: translated,
    reference: translated,
    'legal-basis': translated
  })
  .optional()

const subError = z.enum(Object.keys(SUB_ERROR) as [SubError, ...SubError[]]).optional()

export const blockExplainSchema = z.strictObject({
  'sub-error': subError,
  ...fields,
  en: blockInLanguage,
  fr: blockInLanguage,
  nl: blockInLanguage,
  de: blockInLanguage
})
/** Translates the decision as well. */
export const banExplainSchema = z.strictObject({
  'sub-error': subError,
  ...fields,
  en: banInLanguage,
  fr: banInLanguage,
  nl: banInLanguage,
  de: banInLanguage
})

export type ExplainEntry = z.output<typeof banExplainSchema>

/** A text for all languages, or one for each of some. */
export const translatedTextSchema = z.union([
  textSchema.transform(text => Object.fromEntries(LANGUAGES.map(it => [it, text]))),
  z.partialRecord(languageSchema, textSchema)
])
