import type { Seconds } from '../../base/units.js'
import { PROTOCOL } from '../../querylog/record/query-event.js'
import { RECORDED } from '../lookup.js'
import { qtypeOf } from './qtypes.js'
import { QueryLog } from './query-log.js'

/** `[1700000000] unbound[123:0] info: `, or a date, and the same from syslog. */
const HEAD = /^(.*?)\bunbound(?:\[[\d:]+\])?:? (?:\[[\d:]+\] )?(\w+): (.*)$/
const QUERY =
  /^(?:(query|reply): )?([\da-fA-F.:]+) (\S+) (\S+) [A-Z]+\d*( [A-Z]+\d* [\d.]+ \d+ \d+)?$/
/** `log-local-actions`: `tiktok.com. always_nxdomain 127.0.0.1@42878 v16.tiktok.com. A IN` */
const ACTION = /^(\S+) (\S+) ([\da-fA-F.:]+)@\d+ (\S+) (\S+) [A-Z]+$/
/** Kinds of local zones that answer as if there were none, or with data of the name's own. */
const OPEN_ZONES =
  /^(?:transparent|typetransparent|static|redirect|inform|nodefault|always_transparent)$/

/**
 * Reads what Unbound writes with `log-queries` or `log-replies` (where there are both, those of the
 * kind that comes first), and takes from `log-local-actions` what was blocked.
 */
export class UnboundLog extends QueryLog {
  #isReply: boolean | undefined

  protected text(line: string): string | undefined {
    const [, stamp, , said] = HEAD.exec(line) ?? []
    if (said === undefined) return 'no line of Unbound'
    const action = ACTION.exec(said)
    if (action !== null) return this.#act(action[1]!, action[2]!, action[3]!, action[4]!)
    const query = QUERY.exec(said)
    if (query === null) return undefined
    const isReply = query[5] !== undefined
    this.#isReply ??= isReply
    return isReply === this.#isReply ? this.#found(this.#timeOf(stamp!), query) : undefined
  }

  #found(at: Seconds | undefined, [, , client, name, type]: RegExpExecArray): string | undefined {
    return this.query({
      at,
      client: client!,
      name: name!,
      qtype: qtypeOf(type!),
      protocol: PROTOCOL.udp,
      recorded: RECORDED.open
    })
  }

  /** What a local zone did with the query of the line before. */
  #act(zone: string, kind: string, client: string, name: string): string | undefined {
    const { pending } = this
    if (pending?.client !== client || pending.name !== name || OPEN_ZONES.test(kind))
      return undefined
    this.blocked(`local-zone ${zone.replace(/(.)\.$/, '$1')} ${kind}`)
    return undefined
  }

  #timeOf(stamp: string): Seconds | undefined {
    const epoch = /^\[(\d+)\] $/.exec(stamp)?.[1]
    return epoch === undefined ? this.stamps.read(stamp) : Number(epoch)
  }
}
