import { encodeStructuredEde } from '../../wire/dns/edns/structured-error.js'
import { blockSentence, LANGUAGES, SUB_ERROR } from '../rules/model/user-explanation.js'
import { pageOf, publicReference } from '../rules/model/public-reference.js'
import type { Claim } from '../tables/claim.js'

/** How clients that ask for structured DNS errors get them. */
export interface StructuredErrorSettings {
  readonly enabled: boolean
  /** OPTION-CODE of the option by which clients ask; 0: only by an extended error option. */
  readonly optionCode: number
  /** Whether also over UDP and TCP, where answers can be changed on the way. */
  readonly unencrypted: boolean
  /** Operator ID of the register as a filtering database; '': not sent. */
  readonly filteringDatabase: string
}

/**
 * Structured DNS errors of claims that block. Each is encoded when a client asks for it for the first time
 * and then kept as long as the claim: rules of millions of names have hundreds of thousands of claims.
 */
export class StructuredErrors {
  /** By claim and language. */
  private readonly options = new WeakMap<Claim, (Uint8Array | undefined)[]>()

  constructor(readonly settings: StructuredErrorSettings) {}

  /** @param language index in `LANGUAGES` @returns the whole extended error option */
  optionOf(claim: Claim, language: number): Uint8Array {
    let options = this.options.get(claim)
    if (options === undefined) this.options.set(claim, (options = []))
    return (options[language] ??= this.encode(claim, language))
  }

  private encode(claim: Claim, number: number): Uint8Array {
    const { filteringDatabase: operator } = this.settings
    const { kind, ruleId, source, facts } = claim
    const { ede, explain } = claim.reply!
    const language = LANGUAGES[number]!
    const text = explain?.texts[language]
    const { authority, reference } = facts
    const reason =
      text?.justification ??
      blockSentence(language, { title: source.title, authority, reference }, text)
    const isBan = kind === 'ban'
    const page = isBan && explain?.register !== undefined ? pageOf(explain.register, ruleId) : ''
    return encodeStructuredEde(ede, {
      contact: text?.contact ?? [],
      justification: page === '' ? reason : `${reason} ${page}`,
      subError: explain?.subError && SUB_ERROR[explain.subError].code,
      organization: text?.organization,
      language,
      database: operator !== '' && isBan ? { operator, id: publicReference(ruleId) } : undefined
    })
  }
}
