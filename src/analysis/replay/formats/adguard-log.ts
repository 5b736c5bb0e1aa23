import { PROTOCOL } from '../../../lookups/event/query-event.js'
import { RECORDED, type Reason, type LookupSink } from '../parsed-lookup.js'
import { qtypeOf } from './qtypes.js'
import { TextLog } from './text-log.js'

/** The fields used from a line of AdGuard Home's querylog.json. */
interface AdGuardLine {
  /** Time: RFC 3339 with nanoseconds. */
  readonly T?: unknown
  readonly QH?: unknown
  readonly QT?: unknown
  readonly IP?: unknown
  readonly Result?: {
    readonly IsFiltered?: boolean
    readonly Rules?: readonly { readonly Text?: string }[]
    /** Versions before 0.107. */
    readonly Rule?: string
  } | null
}

/** Reads the query log of AdGuard Home: a line of JSON for each lookup. */
export class AdGuardLog extends TextLog {
  private readonly reasons = new Map<string, Reason>()

  constructor(readonly sink: LookupSink) {
    super()
  }

  text(line: string): string | undefined {
    let read: AdGuardLine | null
    try {
      read = JSON.parse(line) as AdGuardLine | null
    } catch {
      return 'not a complete JSON object'
    }
    const { T, QH, QT, IP, Result } = read ?? {}
    const at = typeof T === 'string' ? Date.parse(T) / 1000 : NaN
    if (typeof QH !== 'string' || typeof QT !== 'string' || Number.isNaN(at)) {
      return 'no T, QH or QT'
    }
    return this.sink.addLookup({
      at: Math.floor(at),
      client: typeof IP === 'string' ? IP : '',
      name: QH,
      qtype: qtypeOf(QT),
      protocol: PROTOCOL.udp,
      recorded: Result?.IsFiltered === true ? RECORDED.blocked : RECORDED.open,
      reason: this.reasonOf(Result?.Rules?.[0]?.Text ?? Result?.Rule)
    })
  }

  private reasonOf(rule: string | undefined): Reason | undefined {
    if (rule === undefined) return undefined
    const by = `rule ${rule}`
    const reason = this.reasons.get(by) ?? { through: '', by }
    this.reasons.set(by, reason)
    return reason
  }
}
