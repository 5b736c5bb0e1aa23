import type { IncomingMessage } from 'node:http'
import { isIP, type LookupFunction } from 'node:net'
import type { InterdictError } from '../../base/errors/error.js'
import { addressWords, readAddress, readPrefix } from '../../base/values/address.js'
import { INTERNAL_ADDRESSES } from '../../base/values/internal-addresses.js'
import { RebindingGuard } from '../../resolver/stages/rebinding-guard.js'

const internal = new RebindingGuard(INTERNAL_ADDRESSES.map(readPrefix), [])

/** Whether an address is not in the public Internet, or embeds an IPv4 address that is not. */
export function isInternal(address: string): boolean {
  return internal.isPrivate(addressWords(readAddress(address)), 0)
}

/**
 * Keeps a server on the Internet from redirecting to an internal address, such as the metadata service of a cloud. The
 * first URL is the operator's and may be internal, and an internal server may redirect to another one.
 *
 * `lookup` returns the addresses that the connection then uses, so that a name cannot change its address in between.
 */
export class RedirectGuard {
  /** A response has come from the Internet. */
  private isOutside = false

  /**
   * @param resolve finds the addresses of a name
   * @param refuse makes the error of a redirect that is refused
   */
  constructor(
    private readonly resolve: LookupFunction,
    private readonly refuse: (why: string) => InterdictError,
    private readonly isInside: (address: string) => boolean = isInternal
  ) {}

  /** For the socket of the next request. */
  readonly lookup: LookupFunction = (name, options, callback) => {
    this.resolve(name, options, (error, found, family) => {
      const addresses = typeof found === 'string' ? [found] : found.map(({ address }) => address)
      const why = error === null ? this.reasonAgainst(addresses) : undefined
      if (why === undefined) callback(error, found, family)
      else callback(this.refuse(why), [])
    })
  }

  /** Checks the address in a URL, which is not looked up. @throws what `refuse` makes */
  check(url: string): void {
    const host = hostOf(url)
    const why = isIP(host) === 0 ? undefined : this.reasonAgainst([host])
    if (why !== undefined) throw this.refuse(why)
  }

  /**
   * The same for a request through a proxy, which resolves the name again itself: the gateway can only refuse what the name
   * has here. Counts the server as one on the Internet if its name has no address here, or a public one.
   *
   * @throws what `refuse` makes
   */
  async checkThroughProxy(url: string): Promise<void> {
    this.check(url)
    const host = hostOf(url)
    const addresses = isIP(host) === 0 ? await this.addressesOf(host) : [host]
    const why = this.reasonAgainst(addresses)
    if (why !== undefined) throw this.refuse(why)
    this.isOutside ||= !addresses.some(one => this.isInside(one))
  }

  onResponse({ socket }: IncomingMessage): void {
    const { remoteAddress } = socket
    this.isOutside ||= remoteAddress === undefined || !this.isInside(remoteAddress)
  }

  private addressesOf(name: string): Promise<string[]> {
    return new Promise(resolve => {
      this.resolve(name, { all: true }, (error, found) => {
        if (error !== null || typeof found === 'string') resolve([])
        else resolve(found.map(({ address }) => address))
      })
    })
  }

  /** One internal address among several is enough: the connection may use any of them. */
  private reasonAgainst(addresses: readonly string[]): string | undefined {
    const inside = this.isOutside ? addresses.find(one => this.isInside(one)) : undefined
    return inside && `redirect from the Internet to the internal address ${inside}`
  }
}

/** Of a URL, without the brackets of an IPv6 address. */
function hostOf(url: string): string {
  return new URL(url).hostname.replace(/^\[(.*)\]$/, '$1')
}
