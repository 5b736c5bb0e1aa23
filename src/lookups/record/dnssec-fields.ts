import { ascii } from '../event/line-buffer.js'
import { DNSSEC_VERDICT, type Observation, type QueryEvent } from '../event/query-event.js'

const WORDS = Object.keys(DNSSEC_VERDICT)
/** Most answers have no reason. */
const VERDICT_FIELDS = WORDS.map(word => ascii(`,"dnssec":"${word}"`))

/** Those that JSON leaves as they are: the text may be that of an upstream. */
const CONTROLS = /[\u007f-\u009f]/g

/** The encoded fields of validation, `dnssec` and those after it. */
export function dnssecFields(
  { dnssec, dnssecReason }: QueryEvent,
  observation: Observation | undefined
): Uint8Array {
  const verdict = VERDICT_FIELDS[dnssec]!
  if (dnssecReason.length === 0 && observation === undefined) return verdict
  const reason = Buffer.from(dnssecReason).toString()
  const { contact, validated, answers } = observation ?? {}
  const fields = {
    ...(reason !== '' && { dnssecReason: reason }),
    ...(observation !== undefined && { dnssecContact: contact, validated, answers })
  }
  const text = JSON.stringify(fields).slice(1, -1).replace(CONTROLS, escape)
  return Buffer.concat([verdict, Buffer.from(`,${text}`)])
}

const escape = (character: string): string =>
  `\\u00${character.charCodeAt(0).toString(16).padStart(2, '0')}`
