/*
 * Explanations for users whose lookups are blocked: in structured DNS errors, on the landing page and in
 * the register of bans.
 */

/** Languages of explanations: RFC 5646 §2.1 tags. The first is the default. */
export const LANGUAGES = ['en', 'fr', 'nl', 'de'] as const
export type Language = (typeof LANGUAGES)[number]

/**
 * Sub-errors of a structured DNS error, with the extended errors that each may come with; none may come
 * with `censored`. draft-ietf-dnsop-structured-dns-error §11.4.
 */
export const SUB_ERROR = {
  malware: { code: 1, ede: ['blocked', 'filtered'] },
  phishing: { code: 2, ede: ['blocked', 'filtered'] },
  spam: { code: 3, ede: ['blocked', 'filtered'] },
  spyware: { code: 4, ede: ['blocked', 'filtered'] },
  'network-operator-policy': { code: 5, ede: ['blocked'] },
  'dns-operator-policy': { code: 6, ede: ['blocked'] }
} as const
export type SubError = keyof typeof SUB_ERROR

/** What a rule says in one language. */
export interface ExplainText {
  /** URIs for reports of wrongly blocked names: `mailto:` and `tel:`. */
  readonly contact: readonly string[]
  /** Undefined: a sentence made of the rule's authority and reference. */
  readonly justification?: string | undefined
  /** Who blocks. */
  readonly organization?: string | undefined
  /** Translations of what the rule itself says; absent: as it says it. */
  readonly title?: string | undefined
  readonly authority?: string | undefined
  readonly reference?: string | undefined
  readonly legalBasis?: string | undefined
}

export interface Explain {
  readonly subError?: SubError | undefined
  /** Base URL of the register of bans, ending with `/`. */
  readonly register?: string | undefined
  readonly texts: Readonly<Record<Language, ExplainText>>
}

/** What a sentence about a block is made of. */
export interface BlockFacts {
  /** Of the app or list. */
  readonly title: string
  /** Undefined: not a ban but a block. */
  readonly authority?: string | undefined
  readonly reference?: string | undefined
}

const BY_DECISION: Readonly<Record<Language, string>> = {
  en: 'Blocked by decision: ',
  fr: 'Bloqué par décision : ',
  nl: 'Geblokkeerd bij besluit: ',
  de: 'Durch Beschluss gesperrt: '
}
const BY_POLICY: Readonly<Record<Language, string>> = {
  en: 'Blocked by the policy of this network: ',
  fr: 'Bloqué selon la politique de ce réseau : ',
  nl: 'Geblokkeerd volgens het beleid van dit netwerk: ',
  de: 'Gesperrt nach den Regeln dieses Netzes: '
}

/**
 * Why a name is blocked, in one sentence, where the rule does not say it itself.
 *
 * @param facts as the rule says them @param text translations
 */
export function blockSentence(
  language: Language,
  facts: BlockFacts,
  text: Pick<ExplainText, 'title' | 'authority' | 'reference'> = {}
): string {
  const title = text.title ?? facts.title
  // A block has no decision to translate.
  const authority = facts.authority && (text.authority ?? facts.authority)
  const reference = facts.reference && (text.reference ?? facts.reference)
  if (authority === undefined) return `${BY_POLICY[language]}${title}`
  const colon = language === 'fr' ? ' : ' : ': '
  const source = reference === undefined ? authority : `${authority}${colon}${reference}`
  return `${BY_DECISION[language]}${title}. ${source}`
}
