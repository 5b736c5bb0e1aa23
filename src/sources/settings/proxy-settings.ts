import { resolve } from 'node:path'
import * as z from 'zod'
import { readPrefix, type Prefix } from '../../base/values/address.js'
import { parsedString } from '../../policy/yaml/parsed-string.js'
import { section, type SectionContext } from '../../policy/yaml/section.js'
import type { HttpProxy } from '../../wire/http/http-proxy.js'
import type { ProxyConfig } from './sources-config.js'

const MAX_EXCEPTIONS = 256

/** `http:` or `https:`, with a host and nothing else. */
function readProxyUrl(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined
  const { protocol, origin, pathname, search, hash, username, password } = new URL(text)
  const rest = `${search}${hash}${username}${password}${pathname === '/' ? '' : pathname}`
  return (protocol === 'http:' || protocol === 'https:') && rest === '' ? origin : undefined
}

/** A host name with at least one label, in lower case and without a final dot. */
const NAME = /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/

function readException(text: string): string | Prefix | undefined {
  const name = text.toLowerCase().replace(/\.$/, '')
  // Names end with a letter, addresses do not.
  if (NAME.test(name) && name.length <= 253 && !/(^|\.)\d+$/.test(name)) return name
  return readPrefix(text)
}

const path = z.string('a path').prefault('')

/** The section `proxy`. */
export const proxySchema = section({
  url: z
    .union(
      [z.literal(''), parsedString('a URL such as http://proxy.example:3128', readProxyUrl)],
      'a URL such as http://proxy.example:3128, without user and path'
    )
    .prefault(''),
  'credentials-file': path,
  'ca-file': path,
  except: z
    .array(parsedString('a host name, an address or a prefix', readException))
    .max(MAX_EXCEPTIONS)
    .prefault([])
})

/** Undefined: requests go to servers directly. */
export function proxyOf(
  settings: z.output<typeof proxySchema>,
  { folder, positionOf }: Pick<SectionContext, 'folder' | 'positionOf'>
): ProxyConfig | undefined {
  const { url, except } = settings
  if (url === '') return undefined
  const file = (name: string): string | undefined =>
    name === '' ? undefined : resolve(folder, name)
  const http: HttpProxy = {
    url,
    credentialsFile: file(settings['credentials-file']),
    caFile: file(settings['ca-file']),
    exceptNames: except.filter(one => typeof one === 'string'),
    exceptPrefixes: except.filter(one => typeof one !== 'string')
  }
  return { http, position: positionOf(['proxy']) }
}
