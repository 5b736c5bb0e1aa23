import type { Config } from '../config/config.js'
import { directClientProblem } from '../../wire/tls/openssl/direct-client.js'
import { loadOpenSsl } from '../../wire/tls/openssl/openssl.js'
import { isVerified } from '../../resolver/upstream/upstream-server.js'

/**
 * Why some encrypted listeners or upstreams use `node:tls`, which takes more CPU; undefined: there are none, or OpenSSL
 * is called directly.
 *
 * @param load see `loadOpenSsl`
 */
export function nodeTlsReason(
  { listen, upstreams: { servers, forward } }: Config,
  load: typeof loadOpenSsl = loadOpenSsl
): string | undefined {
  const all = [...servers, ...forward.flatMap(({ servers }) => servers)]
  const overTls = all.flatMap(({ tls }) => (tls === undefined ? [] : [tls]))
  const hasListeners = listen.some(({ certificates }) => certificates !== undefined)
  if (!hasListeners && overTls.length === 0) return undefined
  const openSsl = load()
  if (typeof openSsl === 'string') return openSsl
  const problems = overTls.map(each => directClientProblem(isVerified(each) ? each.ca : ''))
  return problems.find(problem => problem !== undefined)
}
