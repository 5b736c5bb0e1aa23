import { X509Certificate } from 'node:crypto'
import {
  request as requestOverHttp,
  type ClientRequest,
  type OutgoingHttpHeaders,
  type RequestOptions
} from 'node:http'
import { request as requestOverTls } from 'node:https'
import { isIP } from 'node:net'
import { containsPrefix, readPrefix, type Prefix } from '../../base/values/address.js'
import { failure, type InterdictError } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import { MAX_SECRET_FILE, readBoundedFileSync } from '../../base/files/bounded-file.js'
import { readSecretText } from '../../base/files/secret-file.js'
import { contextTrusting } from '../tls/trusting-context.js'

/** The proxy for outgoing HTTP. Plain data. */
export interface HttpProxy {
  /** `http://proxy.example:3128`, or `https:`, without credentials and path. */
  readonly url: string
  /** A file with `user:password`. */
  readonly credentialsFile: string | undefined
  /** CA certificates trusted for the proxy itself, besides the built-in ones. */
  readonly caFile: string | undefined
  /** Hosts that are reached directly: names in lower case, each with all names below it. */
  readonly exceptNames: readonly string[]
  /** The same for URLs with an address. */
  readonly exceptPrefixes: readonly Prefix[]
}

/** A proxy elsewhere cannot reach this machine's own services. RFC 1122 §3.2.1.3, RFC 4291 §2.5.3 */
const LOOPBACK = ['127.0.0.0/8', '::1'].map(readPrefix)
/** RFC 6761 §6.3. */
const LOCALHOST = 'localhost'

/** The proxy for a host; undefined: it is reached directly. @param hostname of a URL: an IPv6 address may have brackets */
export function proxyFor(proxy: HttpProxy | undefined, hostname: string): HttpProxy | undefined {
  if (proxy === undefined) return undefined
  const host = hostname.replace(/^\[(.*)\]$/, '$1').toLowerCase()
  const address = prefixOf(host)
  const isDirect =
    address === undefined
      ? [LOCALHOST, ...proxy.exceptNames].some(name => isAtOrBelow(host, name))
      : [...LOOPBACK, ...proxy.exceptPrefixes].some(prefix => containsPrefix(prefix, address))
  return isDirect ? undefined : proxy
}

function prefixOf(host: string): Prefix | undefined {
  try {
    return readPrefix(host)
  } catch {
    return undefined
  }
}

function isAtOrBelow(host: string, name: string): boolean {
  const plain = host.replace(/\.$/, '')
  return plain === name || plain.endsWith(`.${name}`)
}

/**
 * Starts a request to the proxy itself, with the credentials of the settings.
 *
 * @throws InterdictError PROXY_FILE
 */
export function requestToProxy(
  proxy: HttpProxy,
  options: Omit<RequestOptions, 'headers'> & { readonly headers: OutgoingHttpHeaders }
): ClientRequest {
  const { url } = proxy
  const { credentials, ca } = readProxyFiles(proxy)
  const { protocol, hostname, port } = new URL(url)
  const isSecure = protocol === 'https:'
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  const all: RequestOptions = {
    ...options,
    ...{ protocol, host },
    port: port === '' ? (isSecure ? 443 : 80) : port,
    agent: false,
    headers: {
      ...options.headers,
      ...(credentials !== undefined && {
        'proxy-authorization': `Basic ${Buffer.from(credentials).toString('base64')}`
      })
    }
  }
  if (!isSecure) return requestOverHttp(all)
  // Node would take the name from the header Host, which is that of the server behind the proxy.
  const servername = isIP(host) === 0 ? host : ''
  return requestOverTls({
    ...all,
    servername,
    ...(ca !== undefined && { secureContext: contextTrusting(ca) })
  })
}

/** Read for each connection, so that changed credentials are used. @throws InterdictError PROXY_FILE */
export function readProxyFiles(
  { credentialsFile, caFile }: HttpProxy,
  errorOf: (file: string, why: string) => InterdictError = (...detail) =>
    failure('PROXY_FILE', ...detail)
) {
  const read = (file: string | undefined, how: (file: string) => string): string | undefined => {
    try {
      return file === undefined ? undefined : how(file)
    } catch (error) {
      throw errorOf(file!, reasonOf(error))
    }
  }
  return {
    credentials: read(credentialsFile, readCredentials),
    ca: read(caFile, file => {
      const text = readBoundedFileSync(file, MAX_SECRET_FILE).toString()
      // OpenSSL treats a file without any certificate as an empty list of authorities.
      new X509Certificate(text)
      return text
    })
  }
}

/** RFC 7617 §2: no control characters, and no colon in the user name. */
function readCredentials(file: string): string {
  const text = readSecretText(file)
  if (/^[^:\p{Cc}]+:[^\p{Cc}]*$/u.test(text)) return text
  throw new Error('expected user:password on one line')
}
