import { PROTOCOL } from '../log/event.js'
import { RECORDED, type Found, type Ground, type Sink } from './lookup.js'
import { qtypeOf } from './qtypes.js'
import type { Stamps } from './stamps.js'
import { TextLog } from './text-log.js'

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
export class DnsmasqLog extends TextLog {
  #pending: Found | undefined
  readonly #grounds = new Map<string, Ground>()

  constructor(
    readonly sink: Sink,
    readonly stamps: Stamps
  ) {
    super()
  }

  text(line: string): string | undefined {
    const [, stamp, , said] = HEAD.exec(line) ?? []
    if (said === undefined) return 'no line of dnsmasq'
    const [, type, name, client] = QUERY.exec(said) ?? []
    if (type === undefined) {
      this.#became(said)
      return undefined
    }
    const why = this.end()
    this.#pending = {
      at: this.stamps.read(stamp!),
      client: client!,
      name: name!,
      // `type=65280` for one without a name there.
      qtype: qtypeOf(type.replace('type=', 'TYPE')),
      protocol: PROTOCOL.udp,
      recorded: RECORDED.open
    }
    return why
  }

  end(): string | undefined {
    const pending = this.#pending
    this.#pending = undefined
    return pending && this.sink.find(pending)
  }

  #became(said: string): void {
    const pending = this.#pending
    const [, how, name] = PIHOLE.exec(said) ?? ['', 'config', CONFIG.exec(said)?.[1]]
    if (pending === undefined || name !== pending.name) return
    const by = how.replace(/ (?:blocked|denied|blacklisted)$/, '')
    const ground = this.#grounds.get(by) ?? { through: '', by }
    this.#grounds.set(by, ground)
    this.#pending = { ...pending, recorded: RECORDED.blocked, ground }
  }
}
