import type { Config } from '../config/config.js'
import { directClientProblem } from '../../wire/tls/openssl/direct-client.js'
import { loadOpenSsl } from '../../wire/tls/openssl/load-openssl.js'
import { isVerified, type UpstreamTls } from '../../wire/sockets/upstream-server.js'

/**
 * Why some encrypted listeners or upstreams use `node:tls`, which takes more CPU; undefined: there are none, or OpenSSL
 * is called directly.
 *
 * @param load see `loadOpenSsl`
 */
export function nodeTlsReason(
  config: Config,
  load: typeof loadOpenSsl = loadOpenSsl
): string | undefined {
  const why = openSslProblemOf(config, load)
  if (why !== undefined) return why
  const problems = tlsUpstreams(config).map(each =>
    directClientProblem(isVerified(each) ? each.ca : '')
  )
  return problems.find(problem => problem !== undefined)
}

/** The same for all encrypted listeners and upstreams: OpenSSL itself is missing, untried, or another one. */
export function openSslProblemOf(
  config: Config,
  load: typeof loadOpenSsl = loadOpenSsl
): string | undefined {
  const hasListeners = config.listen.some(({ certificates }) => certificates !== undefined)
  if (!hasListeners && tlsUpstreams(config).length === 0) return undefined
  const openSsl = load()
  return typeof openSsl === 'string' ? openSsl : undefined
}

function tlsUpstreams({ upstreams: { servers, forward } }: Config): UpstreamTls[] {
  const all = [...servers, ...forward.flatMap(({ servers }) => servers)]
  return all.flatMap(({ tls }) => (tls === undefined ? [] : [tls]))
}
