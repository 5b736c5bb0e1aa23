import { PROTOCOL } from '../../querylog/record/query-event.js'
import { RECORDED } from '../lookup.js'
import { qtypeOf } from './qtypes.js'
import { QueryLog } from './query-log.js'

/** Behind the time; with `log-queries=extra`, also a serial number and the client with its port. */
const HEAD = /^(.{15,40}?)(?: \S+)? dnsmasq(?:-\w+)?\[\d+\]: (?:(\d+) \S+ )?(.*)$/
const QUERY = /^query\[([^\]]+)\] (.+) from (\S+)$/
/** Pi-hole's words for what its lists and its user block; dnsmasq's own `address=` and `server=`. */
const PIHOLE =
  /^((?:gravity|exactly|regex|special domain|external)(?: [a-z]+)? (?:blocked|denied|blacklisted)|(?:gravity|external) blocked) (\S+)/
const CONFIG = /^config (\S+) is (?:NXDOMAIN|NODATA|0\.0\.0\.0|::)/

/**
 * Reads dnsmasq's log of queries, and Pi-hole's, which is one. What became of a query is in the lines
 * after it, until the next query.
 */
export class DnsmasqLog extends QueryLog {
  protected text(line: string): string | undefined {
    const [, stamp, , said] = HEAD.exec(line) ?? []
    if (said === undefined) return 'no line of dnsmasq'
    const [, type, name, client] = QUERY.exec(said) ?? []
    if (type === undefined) {
      this.#became(said)
      return undefined
    }
    return this.query({
      at: this.stamps.read(stamp!),
      client: client!,
      name: name!,
      // `type=65280` for one without a name there.
      qtype: qtypeOf(type.replace('type=', 'TYPE')),
      protocol: PROTOCOL.udp,
      recorded: RECORDED.open
    })
  }

  #became(said: string): void {
    const [, how, name] = PIHOLE.exec(said) ?? ['', 'config', CONFIG.exec(said)?.[1]]
    if (name !== this.pending?.name) return
    this.blocked(how.replace(/ (?:blocked|denied|blacklisted)$/, ''))
  }
}
