import { PROTOCOL } from '../../querylog/record/query-event.js'
import { RECORDED, type Ground, type Sink } from '../lookup.js'
import { qtypeOf } from './qtypes.js'
import { TextLog } from './text-log.js'

/** Of a line of AdGuard Home's querylog.json, what is looked at. */
interface AdGuardLine {
  /** RFC 3339, with nanoseconds. */
  readonly T?: unknown
  readonly QH?: unknown
  readonly QT?: unknown
  readonly IP?: unknown
  readonly Result?: {
    readonly IsFiltered?: boolean
    readonly Rules?: readonly { readonly Text?: string }[]
    /** Of versions before 0.107. */
    readonly Rule?: string
  } | null
}

/** Reads AdGuard Home's query log, a line of JSON for each lookup. */
export class AdGuardLog extends TextLog {
  readonly #grounds = new Map<string, Ground>()

  constructor(readonly sink: Sink) {
    super()
  }

  text(line: string): string | undefined {
    let read: AdGuardLine | null
    try {
      read = JSON.parse(line) as AdGuardLine | null
    } catch {
      return 'not a whole line of JSON'
    }
    const { T, QH, QT, IP, Result } = read ?? {}
    const at = typeof T === 'string' ? Date.parse(T) / 1000 : NaN
    if (typeof QH !== 'string' || typeof QT !== 'string' || Number.isNaN(at)) {
      return 'no T, QH or QT'
    }
    return this.sink.find({
      at: Math.floor(at),
      client: typeof IP === 'string' ? IP : '',
      name: QH,
      qtype: qtypeOf(QT),
      protocol: PROTOCOL.udp,
      recorded: Result?.IsFiltered === true ? RECORDED.blocked : RECORDED.open,
      ground: this.#groundOf(Result?.Rules?.[0]?.Text ?? Result?.Rule)
    })
  }

  #groundOf(rule: string | undefined): Ground | undefined {
    if (rule === undefined) return undefined
    const by = `rule ${rule}`
    const ground = this.#grounds.get(by) ?? { through: '', by }
    this.#grounds.set(by, ground)
    return ground
  }
}
