import * as acme from 'acme-client'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import type { HttpProxy } from '../../wire/http/http-proxy.js'
import { TunnelAgent } from '../../wire/http/tunnel-agent.js'
import { contextTrusting } from '../../wire/tls/trusting-context.js'

/** For one request to the ACME server. */
const REQUEST_TIMEOUT: Milliseconds = 30 * MS_PER_SECOND

/**
 * The HTTP client of the ACME library, set up.
 *
 * @param ca PEM; undefined: the built-in CA certificates only
 */
export function acmeHttp(ca: string | undefined, proxy?: HttpProxy): typeof acme.axios {
  const { interceptors, defaults } = acme.axios
  // The library waits for as long as a server asks, which may be hours; the timer tries again instead.
  interceptors.response.clear()
  interceptors.response.use(undefined, (error: Error & { readonly response?: unknown }) => {
    if (error.response === undefined) throw error
    return error.response
  })
  defaults.timeout = REQUEST_TIMEOUT
  // The settings decide, and not variables of the environment.
  defaults.proxy = false
  const trust = ca === undefined ? {} : { secureContext: contextTrusting(ca) }
  defaults.httpsAgent = new TunnelAgent(proxy, trust)
  return acme.axios
}
