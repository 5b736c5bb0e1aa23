import { addServers } from '../draft/add-servers.js'
import type { Migration } from '../draft/migration.js'
import { canonicalAddress, endpoint, knownServers, tlsServer } from '../draft/server-address.js'
import type { YamlLeaf } from './yaml-leaves.js'

const NO_ADDRESS =
  'name its address as well: tls://ADDRESS#NAME or https://NAME/dns-query@ADDRESS in upstreams'

/** An entry of `upstream_dns`: resolvers for all names, or `[/domain/]` before them. */
export function carryUpstream(leaf: YamlLeaf, migration: Migration): void {
  const text = String(leaf.value).trim()
  const shown = `${leaf.key}: ${text}`
  if (text === '' || text.startsWith('#')) return migration.unneeded(leaf, shown, 'a comment')
  const [, domains, written = text] = /^\[\/(.*)\/\](.*)$/.exec(text) ?? []
  const names = domains === undefined ? ['.'] : domains.split('/').filter(name => name !== '')
  const servers: string[] = []
  for (const word of written.trim().split(/\s+/)) {
    const found = serversOf(word)
    if (typeof found === 'string') return migration.open(leaf, shown, found)
    servers.push(...found)
  }
  const odd = names.find(name => name.includes('*'))
  if (names.length === 0 || odd !== undefined)
    return migration.open(
      leaf,
      shown,
      'a domain covers all names below it: name the domains in upstreams.forward'
    )
  for (const name of names) addServers(migration, name, servers)
  migration.carried(leaf, shown)
}

/** @returns the resolvers as in the settings, or what to do instead */
export function serversOf(text: string): readonly string[] | string {
  if (text === '#')
    return 'names below a forwarded domain go there as well: give the domain a resolver that has them'
  const [, scheme = 'udp', rest = text] = /^([a-z0-9]+):\/\/(.*)$/i.exec(text) ?? []
  if (scheme === 'udp' || scheme === 'tcp') {
    const plain = hostAndPort(rest)
    const address = canonicalAddress(plain.host)
    return address === undefined ? 'name its address in upstreams' : [endpoint(address, plain.port)]
  }
  if (scheme === 'tls') return tlsServers(rest)
  if (scheme === 'https') return httpsServers(rest)
  return 'upstreams are plain, over TLS, or over HTTPS: use one of these'
}

function tlsServers(text: string): readonly string[] | string {
  const { host, port } = hostAndPort(text)
  const address = canonicalAddress(host)
  // The address is in the certificate of such resolvers, but its name is what Interdict checks.
  if (address !== undefined)
    return `name it as in its certificate: ${tlsServer(address, port, 'NAME')}`
  return knownServers('tls', host) ?? NO_ADDRESS
}

function httpsServers(text: string): readonly string[] | string {
  const [, host = '', path = ''] = /^([^/]+)(.*)$/.exec(text) ?? []
  return knownServers('https', host, path === '' ? undefined : path) ?? NO_ADDRESS
}

function hostAndPort(text: string): { host: string; port: number | undefined } {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(text) ?? []
  return { host: bracketed ?? plain ?? text, port: port === undefined ? undefined : Number(port) }
}
