import type { LookupCounts } from '../../../gateway/egress/address-lookups.js'
import type { EgressPorts } from '../../../policy/egress/egress-addresses.js'
import type { OutputStream } from '../../io.js'
import { columns, terminalWidth, wrap, type Row } from '../columns.js'

/** What `egress: deny` would do; the JSON form is public. */
export interface EgressCheck {
  readonly networks: readonly {
    readonly network: string
    readonly egress: 'observe' | 'deny'
    /** Addresses that the rules themselves ban. */
    readonly prefixes: readonly string[]
    readonly addresses: readonly {
      readonly address: string
      readonly apps: readonly string[]
      readonly names: readonly string[]
      readonly ports: EgressPorts
      /** Names without a ban that have the address; null: it would be denied. */
      readonly shared: readonly string[] | null
    }[]
  }[]
  /** Banned names whose addresses belong to a domain that is not banned as a whole. */
  readonly aliased: readonly string[]
  readonly lookups: LookupCounts & { readonly omitted: number }
}

const PORTS: Readonly<Record<EgressPorts, string>> = { all: 'all', dns: '53, 443, 853' }
/** Names of one address that are shown. */
const MOST_NAMES = 3

export function toText({ networks, aliased, lookups }: EgressCheck, stream: OutputStream): string {
  const width = terminalWidth(stream)
  if (networks.length === 0) return 'No network has egress: observe or deny.\n'
  const tables = networks.flatMap(({ network, egress, prefixes, addresses }) => {
    const denied = addresses.filter(({ shared }) => shared === null)
    const head = `${network} (egress: ${egress}): ${denied.length} addresses of banned names and ${prefixes.length} prefixes to be denied, ${addresses.length - denied.length} shared`
    const rows = addresses.map(({ address, apps, names, ports, shared }): Row => {
      const why = shared === null ? 'denied' : `shared with ${some(shared)}`
      return { cells: [[address], [PORTS[ports]], [why], [apps.join(', ')], [some(names)]] }
    })
    const table = columns(['ADDRESS', 'PORTS', 'STATE', 'APPS', 'NAMES'], rows, width)
    return [
      ...wrap(head, width),
      ...(rows.length === 0 ? [] : table),
      ...prefixes.map(one => `  ${one}`),
      ''
    ]
  })
  const { names, failed, waiting, omitted } = lookups
  const notes = [
    `${names} lookups now: ${failed} failed, ${waiting} without an answer yet, ${omitted} names left out.`,
    'What else clients look up at these addresses is known to a running gateway only: see observation.deny in interdict status --json.',
    ...(aliased.length === 0
      ? []
      : [
          `Not denied, since their addresses belong to others, such as a content delivery network: ${aliased.join(', ')}`
        ])
  ]
  return `${[...tables, ...notes.flatMap(note => wrap(note, width))].join('\n')}\n`
}

function some(names: readonly string[]): string {
  const more = names.length - MOST_NAMES
  return names.slice(0, MOST_NAMES).join(', ') + (more > 0 ? ` and ${more} more` : '')
}
