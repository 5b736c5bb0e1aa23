import { PROTOCOL } from '../../../lookups/event/query-event.js'
import { RECORDED } from '../parsed-lookup.js'
import { qtypeOf } from './qtypes.js'
import { MultiLineLog } from './multi-line-log.js'

/** Time and program; with `log-queries=extra`, also a serial number and the client with its port. */
const HEAD = /^(.{15,40}?)(?: \S+)? dnsmasq(?:-\w+)?\[\d+\]: (?:(\d+) \S+ )?(.*)$/
const QUERY = /^query\[([^\]]+)\] (.+) from (\S+)$/
/** What Pi-hole logs for its lists and for names blocked by the user; below, dnsmasq's `address=` and `server=`. */
const PIHOLE =
  /^((?:gravity|exactly|regex|special domain|external)(?: [a-z]+)? (?:blocked|denied|blacklisted)|(?:gravity|external) blocked) (\S+)/
const CONFIG = /^config (\S+) is (?:NXDOMAIN|NODATA|0\.0\.0\.0|::)/

/**
 * Reads the query log of dnsmasq and of Pi-hole. The result of a query is in the lines that follow it,
 * up to the next query.
 */
export class DnsmasqLog extends MultiLineLog {
  protected text(line: string): string | undefined {
    const [, stamp, , message] = HEAD.exec(line) ?? []
    if (message === undefined) return 'not a dnsmasq line'
    const [, type, name, client] = QUERY.exec(message) ?? []
    if (type === undefined) {
      this.readResult(message)
      return undefined
    }
    return this.startLookup({
      at: this.stamps.read(stamp!),
      client: client!,
      name: name!,
      // dnsmasq writes `type=65280` for types that it has no name for.
      qtype: qtypeOf(type.replace('type=', 'TYPE')),
      protocol: PROTOCOL.udp,
      recorded: RECORDED.open
    })
  }

  private readResult(message: string): void {
    const [, how, name] = PIHOLE.exec(message) ?? ['', 'config', CONFIG.exec(message)?.[1]]
    if (name !== this.pending?.name) return
    this.setBlocked(how.replace(/ (?:blocked|denied|blacklisted)$/, ''))
  }
}
