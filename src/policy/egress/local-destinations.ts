import { addressWords, readAddress, readPrefix } from '../../base/values/address.js'
import { compilePrefixes, PrefixTable } from '../../base/values/prefix-table.js'
import type { ClientTable } from '../tables/client-table.js'

/**
 * Addresses that no connection to the Internet has: those of the IANA registries of special-purpose addresses that are not
 * global, and multicast. RFC 6890.
 */
const SPECIAL = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16'],
  ...['172.16.0.0/12', '192.168.0.0/16', '224.0.0.0/3'],
  ...['::/127', 'fc00::/7', 'fe80::/10', 'ff00::/8']
]

const special = new PrefixTable(
  compilePrefixes(SPECIAL.map(readPrefix), covering => (covering.length > 0 ? 1 : 0))
)
/** No site has them: who has them in a network means everything by it. */
const NOWHERE = ['0.0.0.0', '::'].map(text => addressWords(readAddress(text)))

/** Tells the addresses of the site from those of the Internet. */
export class LocalDestinations {
  private readonly prefixes: PrefixTable
  /** Client classes of networks with all addresses. */
  private readonly everywhere: ReadonlySet<number>
  private own: ReadonlySet<string> = new Set()

  constructor(private readonly clients: ClientTable) {
    this.prefixes = new PrefixTable(clients.prefixes)
    this.everywhere = new Set(NOWHERE.map(words => this.prefixes.find(words, 0)))
  }

  /** @param addresses of the gateway's interfaces, in canonical text */
  setOwn(addresses: readonly string[]): void {
    this.own = new Set(addresses)
  }

  /** Whether it is an address of the gateway, of a network of the rules, or one that is not global. */
  isLocal(address: string): boolean {
    if (this.own.has(address)) return true
    const words = addressWords(readAddress(address))
    if (special.find(words, 0) === 1) return true
    const clientClass = this.prefixes.find(words, 0)
    return clientClass !== 0 && !this.everywhere.has(clientClass)
  }

  isOwn(address: string): boolean {
    return this.own.has(address)
  }

  /** Class of a client by its address; 0: it is in no network. */
  classOf(address: string): number {
    return this.prefixes.find(addressWords(readAddress(address)), 0)
  }

  networkOf(clientClass: number): string | undefined {
    return this.clients.networks[this.clients.networkOf[clientClass]!]
  }
}
