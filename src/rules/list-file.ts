import { failureAt, type InterdictError } from '../base/error.js'
import type { Octets } from '../base/units.js'
import { scanList, type ListFormat } from './list-lines.js'
import type { NameSink, NameSource } from './types.js'

/** So many bad lines are reported each with its place; the others are counted. */
const REPORTED = 20
/** More bad lines than this, and more than this part of all, and it is another kind of file. */
const MAX_BAD = 100
const MAX_BAD_PART = 0.1

/** A list, kept as the octets of its file until the names are wanted. */
class ListSource implements NameSource {
  readonly kind = 'list'

  constructor(
    readonly id: string,
    readonly file: string,
    readonly bounds: { readonly names: number; readonly octets: Octets },
    private readonly octets: Uint8Array,
    private readonly format: ListFormat
  ) {}

  get title(): string {
    return this.id
  }

  pour(sink: NameSink): void {
    scanList(this.octets, this.format, {
      name: (octets, at, length, cover, line) => sink.name(octets, at, length, cover, line),
      bad: () => undefined
    })
  }
}

export type ListResult =
  | {
      /** One for each of the different things that the list says of names. */
      readonly parts: readonly NameSource[]
      readonly warnings: readonly InterdictError[]
    }
  | { readonly errors: readonly InterdictError[] }

/**
 * Checks a list file and says what is in it. A few bad lines are warnings (RULES_LIST_LINE); a file
 * that is mostly something else is refused whole (RULES_LIST_REFUSED), so that an error page in the
 * place of a list never empties it; and so is one without any name (RULES_LIST_EMPTY), since what
 * is left of a failed download looks like that, and a block list that blocks nothing is open.
 *
 * @param file as the rules name it
 * @param shown its name in messages
 * @param mayBeEmpty whether somebody has said that it is right without a name
 */
export function readList(
  id: string,
  octets: Uint8Array,
  format: ListFormat,
  file: string,
  shown: string,
  mayBeEmpty = false
): ListResult {
  const start = { file: shown, line: 1, column: 1 }
  if (looksLikeMarkup(octets)) {
    return { errors: [failureAt(start, 'RULES_LIST_REFUSED', 'it is HTML or XML')] }
  }
  const bounds = { names: 0, octets: 0 }
  const warnings: InterdictError[] = []
  let bad = 0
  const lines = scanList(octets, format, {
    name: (_octets, _at, length) => {
      bounds.names++
      bounds.octets += length
    },
    bad: (line, column, why) => {
      if (++bad > REPORTED) return
      warnings.push(failureAt({ file: shown, line, column }, 'RULES_LIST_LINE', why))
    }
  })
  if ((bad > MAX_BAD && bad > lines * MAX_BAD_PART) || (bad > 0 && bounds.names === 0)) {
    const refused = failureAt(start, 'RULES_LIST_REFUSED', `${bad} of ${lines} lines are bad`)
    return { errors: [refused, ...warnings] }
  }
  if (bad > REPORTED) warnings.push(failureAt(start, 'RULES_LIST_LINES', bad, lines))
  if (bounds.names === 0 && !mayBeEmpty)
    return { errors: [failureAt(start, 'RULES_LIST_EMPTY', id)] }
  return { parts: [new ListSource(id, file, bounds, octets, format)], warnings }
}

/** Whether the first thing in a file is `<`: an error page, most of the time. */
function looksLikeMarkup(octets: Uint8Array): boolean {
  return /^(?:\xef\xbb\xbf)?\s*</.test(Buffer.from(octets.subarray(0, 1024)).toString('latin1'))
}
