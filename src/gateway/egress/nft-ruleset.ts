import { isIP } from 'node:net'
import type { DenyGroup } from './helper-protocol.js'

/** The one table that the helper has; it touches no other. */
export const TABLE = 'interdict_egress'
/** Where resolvers answer: DNS, DNS over HTTPS, and DNS over TLS and QUIC. */
export const DNS_PORTS = [53, 443, 853]
/** Before the filters of the machine: what they accept does not matter. */
export const PRIORITY = -10

const FAMILY = { family: 'inet', table: TABLE }
const TABLE_ITSELF = { table: { family: 'inet', name: TABLE } }

export type NftCommand = Readonly<Record<string, unknown>>
export type IpVersion = 4 | 6

export const versionOf = (address: string): IpVersion => (isIP(address) === 4 ? 4 : 6)

/** Elements with timeouts, of one group. */
export const elementSet = (group: number, ports: 'all' | 'dns', version: IpVersion): string =>
  `${ports}${version}_${group}`
const prefixSet = (group: number, ports: 'all' | 'dns', version: IpVersion): string =>
  `${ports}_prefixes${version}_${group}`
const sourceSet = (group: number, version: IpVersion): string => `source${version}_${group}`

/** Replaces the table in one transaction. The `add` before `delete` makes it work where there is no table yet. */
export function tableCommands(groups: readonly DenyGroup[]): NftCommand[] {
  return [
    { add: TABLE_ITSELF },
    { delete: TABLE_ITSELF },
    { add: TABLE_ITSELF },
    {
      add: {
        chain: {
          ...{ ...FAMILY, name: 'forward', type: 'filter', hook: 'forward' },
          ...{ prio: PRIORITY, policy: 'accept' }
        }
      }
    },
    ...groups.flatMap(groupCommands)
  ]
}

/** Only the removal of the table, with everything in it. */
export const removeTable: readonly NftCommand[] = [{ add: TABLE_ITSELF }, { delete: TABLE_ITSELF }]

function groupCommands(group: DenyGroup, index: number): NftCommand[] {
  return ([4, 6] as const).flatMap(version => {
    const sources = group.sources.filter(([first]) => versionOf(first) === version)
    if (sources.length === 0) return []
    const source = sourceSet(index, version)
    return [
      addSet(source, version, 'interval', sources.map(showRange)),
      ...(['all', 'dns'] as const).flatMap(ports => {
        const prefixes = group.prefixes.filter(
          ({ prefix, ports: own }) => own === ports && versionOf(prefix.split('/')[0]!) === version
        )
        const named = elementSet(index, ports, version)
        const ranges = prefixSet(index, ports, version)
        return [
          addSet(named, version, 'timeout', []),
          addSet(
            ranges,
            version,
            'interval',
            prefixes.map(({ prefix }) => showPrefix(prefix))
          ),
          ...[named, ranges].map(target => denyRule(group.name, source, target, version, ports))
        ]
      })
    ]
  })
}

function addSet(
  name: string,
  version: IpVersion,
  flag: 'interval' | 'timeout',
  elem: readonly unknown[]
): NftCommand {
  const type = version === 4 ? 'ipv4_addr' : 'ipv6_addr'
  const merge = flag === 'interval' && { 'auto-merge': true }
  return {
    add: {
      set: { ...FAMILY, name, type, flags: [flag], ...merge, ...(elem.length > 0 && { elem }) }
    }
  }
}

function denyRule(
  comment: string,
  source: string,
  target: string,
  version: IpVersion,
  ports: 'all' | 'dns'
): NftCommand {
  const protocol = version === 4 ? 'ip' : 'ip6'
  const isIn = (field: string, set: string) => match({ payload: { protocol, field } }, `@${set}`)
  const toResolvers = [
    match({ meta: { key: 'l4proto' } }, { set: ['tcp', 'udp'] }),
    match({ payload: { protocol: 'th', field: 'dport' } }, { set: DNS_PORTS })
  ]
  const expr = [
    isIn('saddr', source),
    isIn('daddr', target),
    ...(ports === 'dns' ? toResolvers : []),
    { counter: null },
    { reject: { type: 'icmpx', expr: 'admin-prohibited' } }
  ]
  return { add: { rule: { ...FAMILY, chain: 'forward', comment, expr } } }
}

const match = (left: unknown, right: unknown) => ({ match: { op: '==', left, right } })

const showRange = ([first, last]: readonly [string, string]): unknown =>
  first === last ? first : { range: [first, last] }

function showPrefix(text: string): unknown {
  const [addr, len] = text.split('/')
  return len === undefined ? addr : { prefix: { addr, len: Number(len) } }
}

/** An element of a set; its timeout in seconds. */
export interface SetElement {
  readonly set: string
  readonly address: string
  readonly timeout: number
}

/** Adds elements that are not there. */
export function addElements(elements: readonly SetElement[]): NftCommand[] {
  return bySet(elements).map(([set, own]) => {
    const timed = own.map(({ address, timeout }) => ({ elem: { val: address, timeout } }))
    return elementCommand('add', set, timed)
  })
}

/** Adds elements, with new timeouts where they are there: an `add` alone would keep the previous one. */
export function renewElements(elements: readonly SetElement[]): NftCommand[] {
  return [...removeElements(elements), ...addElements(elements)]
}

/** Removes elements; those that are not there first become some, since nftables refuses to remove nothing. */
export function removeElements(elements: readonly Omit<SetElement, 'timeout'>[]): NftCommand[] {
  return bySet(elements).flatMap(([set, own]) => {
    const addresses = own.map(({ address }) => address)
    return [elementCommand('add', set, addresses), elementCommand('delete', set, addresses)]
  })
}

const elementCommand = (
  verb: 'add' | 'delete',
  name: string,
  elem: readonly unknown[]
): NftCommand => ({
  [verb]: { element: { ...FAMILY, name, elem } }
})

function bySet<T extends { readonly set: string }>(elements: readonly T[]): [string, T[]][] {
  const sets = new Map<string, T[]>()
  for (const element of elements) {
    const own = sets.get(element.set)
    if (own === undefined) sets.set(element.set, [element])
    else own.push(element)
  }
  return [...sets]
}
