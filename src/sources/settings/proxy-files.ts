import { failureAt, type InterdictError } from '../../base/errors/error.js'
import { readProxyFiles } from '../../wire/http/http-proxy.js'
import type { ProxyConfig } from './sources-config.js'

/** Errors in the files of the proxy: at most one. */
export function proxyFileErrors(proxy: ProxyConfig | undefined): readonly InterdictError[] {
  if (proxy === undefined) return []
  try {
    readProxyFiles(proxy.http, (file, why) => failureAt(proxy.position, 'PROXY_FILE', file, why))
    return []
  } catch (error) {
    return [error as InterdictError]
  }
}
