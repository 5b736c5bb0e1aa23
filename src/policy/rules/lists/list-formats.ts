import type { NetworkPrefixes } from './formats/adblock-modifiers.js'
import { AdblockReader } from './formats/adblock.js'
import { AddressesReader } from './formats/addresses.js'
import { FeedReader, type FeedOptions } from './formats/feed.js'
import { DnsmasqReader } from './formats/dnsmasq.js'
import { UnboundReader } from './formats/unbound.js'
import { V2flyReader } from './formats/v2fly.js'
import { NamesReader } from './formats/domains-hosts.js'
import type { LineReader, ListSink } from './line-reader.js'
import { ListText } from './list-text.js'
import type { LineFormat } from '../model/list-format.js'
import type { TimeLimit } from './time-limit.js'

/** `either`: domain or hosts lines, by how each line begins. */
const READERS: Readonly<
  Record<LineFormat | 'either', (clients: NetworkPrefixes, feed: FeedOptions) => LineReader>
> = {
  domains: () => new NamesReader('domains'),
  hosts: () => new NamesReader('hosts'),
  either: () => new NamesReader('either'),
  adblock: clients => new AdblockReader(clients),
  dnsmasq: () => new DnsmasqReader(),
  unbound: () => new UnboundReader(),
  v2fly: () => new V2flyReader(),
  addresses: () => new AddressesReader(),
  feed: (_, feed) => new FeedReader(feed)
}

/**
 * Reads a list from its octets. Plain lines are not converted to strings, as a list may have a
 * million of them.
 *
 * @param clients prefixes by network id, for formats that name clients
 * @param feed what the rules say of indicators
 * @returns the number of lines, without blank ones and comments
 * @throws TimeLimitExceeded
 */
export function scanList(
  octets: Uint8Array,
  format: LineFormat | 'either',
  clients: NetworkPrefixes,
  feed: FeedOptions,
  sink: ListSink,
  limit?: TimeLimit
): number {
  const text = new ListText(octets)
  const reader = READERS[format](clients, feed)
  let counted = 0
  while (text.nextLine()) {
    limit?.step()
    if (text.isTooLong) sink.skipLine(text.line, 1, 'longer than 64 KB')
    else if (!reader.read(text, sink)) continue
    counted++
  }
  return counted
}
