import type { IncomingMessage } from 'node:http'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'

/**
 * Cookies of the API. With the prefix `__Host-`, browsers accept them from this host only, over TLS, for all paths:
 * draft-ietf-httpbis-rfc6265bis §4.1.3.2. Over plain HTTP on loopback this protection is not available.
 */
export class Cookies {
  private readonly prefix: string
  private readonly attributes: string

  /** @param origin of the API as browsers see it */
  constructor(origin: string) {
    const isSecure = origin.startsWith('https:')
    this.prefix = isSecure ? '__Host-' : ''
    // Lax: the redirect from the provider must bring the cookies; requests of other pages do not.
    this.attributes = `; Path=/; HttpOnly; SameSite=Lax${isSecure ? '; Secure' : ''}`
  }

  /** The value of a cookie; of several with the same name, the first. RFC 6265 §4.2.1 */
  read({ headers }: IncomingMessage, name: string): string | undefined {
    const start = `${this.prefix}${name}=`
    return headers.cookie
      ?.split('; ')
      .find(pair => pair.startsWith(start))
      ?.slice(start.length)
  }

  /** The header `Set-Cookie`. @param lifetime 0: deletes the cookie */
  write(name: string, value: string, lifetime: Milliseconds): string {
    const age = Math.floor(lifetime / MS_PER_SECOND)
    return `${this.prefix}${name}=${value}${this.attributes}; Max-Age=${age}`
  }
}
