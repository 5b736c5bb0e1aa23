import type { Migration } from './migration.js'

/** Resolvers for a domain; the root is all names. */
export function addServers(migration: Migration, domain: string, servers: readonly string[]): void {
  if (servers.length === 0) return
  const upstreams = migration.section('upstreams')
  const name = domain.replace(/\.$/, '').toLowerCase()
  if (name === '')
    upstreams.servers = [...((upstreams.servers as string[] | undefined) ?? []), ...servers]
  else upstreams.forward = { ...(upstreams.forward as object), [name]: [...servers] }
}

/** A list that is transferred from a primary. @returns its id */
export function addTransfer(
  migration: Migration,
  zone: string,
  address: string,
  key?: string
): string {
  const transfers = migration.section('transfers')
  const primaries = (transfers.primaries ?? {}) as Record<string, Record<string, string>>
  const known = Object.entries(primaries).find(([, it]) => it.address === address && it.key === key)
  const id = known?.[0] ?? `primary-${Object.keys(primaries).length + 1}`
  transfers.primaries = { ...primaries, [id]: { address, ...(key !== undefined && { key }) } }
  return migration.addList(zone, { transfer: zone, primaries: [id] })
}
