import type { Seconds } from '../../../base/units.js'
import { PROTOCOL } from '../../../lookups/event/query-event.js'
import { RECORDED } from '../parsed-lookup.js'
import { qtypeOf } from './qtypes.js'
import { MultiLineLog } from './multi-line-log.js'

/** `[1700000000] unbound[123:0] info: `, or a date in front, or the syslog form. */
const HEAD = /^(.*?)\bunbound(?:\[[\d:]+\])?:? (?:\[[\d:]+\] )?(\w+): (.*)$/
const QUERY =
  /^(?:(query|reply): )?([\da-fA-F.:]+) (\S+) (\S+) [A-Z]+\d*( [A-Z]+\d* [\d.]+ \d+ \d+)?$/
/** `log-local-actions`: `tiktok.com. always_nxdomain 127.0.0.1@42878 v16.tiktok.com. A IN` */
const ACTION = /^(\S+) (\S+) ([\da-fA-F.:]+)@\d+ (\S+) (\S+) [A-Z]+$/
/** Types of local zones that do not block. */
const OPEN_ZONES =
  /^(?:transparent|typetransparent|static|redirect|inform|nodefault|always_transparent)$/

/**
 * Reads the output of Unbound's `log-queries` or `log-replies` (if both occur, the first kind), and
 * what was blocked from `log-local-actions`.
 */
export class UnboundLog extends MultiLineLog {
  private isReply: boolean | undefined

  protected text(line: string): string | undefined {
    const [, stamp, , message] = HEAD.exec(line) ?? []
    if (message === undefined) return 'not an Unbound line'
    const action = ACTION.exec(message)
    if (action !== null) return this.addAction(action[1]!, action[2]!, action[3]!, action[4]!)
    const query = QUERY.exec(message)
    if (query === null) return undefined
    const isReply = query[5] !== undefined
    this.isReply ??= isReply
    return isReply === this.isReply ? this.addQuery(this.timeOf(stamp!), query) : undefined
  }

  private addQuery(
    at: Seconds | undefined,
    [, , client, name, type]: RegExpExecArray
  ): string | undefined {
    return this.startLookup({
      at,
      client: client!,
      name: name!,
      qtype: qtypeOf(type!),
      protocol: PROTOCOL.udp,
      recorded: RECORDED.open
    })
  }

  /** Applies the action of a local zone to the query of the previous line. */
  private addAction(zone: string, kind: string, client: string, name: string): string | undefined {
    const { pending } = this
    if (pending?.client !== client || pending.name !== name || OPEN_ZONES.test(kind))
      return undefined
    this.setBlocked(`local-zone ${zone.replace(/(.)\.$/, '$1')} ${kind}`)
    return undefined
  }

  private timeOf(stamp: string): Seconds | undefined {
    const epoch = /^\[(\d+)\] $/.exec(stamp)?.[1]
    return epoch === undefined ? this.stamps.read(stamp) : Number(epoch)
  }
}
