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
    const { hostname } = new URL(url)
    const host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
    const why = isIP(host) === 0 ? undefined : this.reasonAgainst([host])
    if (why !== undefined) throw this.refuse(why)
  }

  onResponse({ socket }: IncomingMessage): void {
    const { remoteAddress } = socket
    this.isOutside ||= remoteAddress === undefined || !this.isInside(remoteAddress)
  }

  /** One internal address among several is enough: the connection may use any of them. */
  private reasonAgainst(addresses: readonly string[]): string | undefined {
    const inside = this.isOutside ? addresses.find(one => this.isInside(one)) : undefined
    return inside && `redirect from the Internet to the internal address ${inside}`
  }
}
