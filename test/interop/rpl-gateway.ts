import type { RplClause, RplScenario } from './rpl-file.js'

/** Settings, rules and lists that mean the same as the configuration of a scenario. */
export interface RplGateway {
  readonly settings: string
  readonly networks: string
  /** By path below the rules folder. */
  readonly lists: ReadonlyMap<string, string>
}

/** What `rpz-action-override` is in a rule on the list. */
const OVERRIDES: Readonly<Record<string, string>> = {
  nxdomain: ', action: nxdomain',
  nodata: ', action: nodata',
  drop: ', action: drop',
  disabled: ', mode: monitor'
}

const EVERYONE = ['0.0.0.0/0', '::/0']

/** @param upstream port of the upstream on loopback */
export function gatewayFor({ clauses, files }: RplScenario, upstream: number): RplGateway {
  const zones = clauses.filter(({ name }) => name === 'rpz')
  const lists = new Map(
    zones.map((zone, nth) => [`lists/z${nth}.zone`, files.get(valueOf(zone, 'zonefile')!)!])
  )
  const networks = networksOf(clauses, zones)
  const defined = zones.map((_, nth) => `  z${nth}: { file: lists/z${nth}.zone, format: rpz }`)
  return {
    lists,
    networks: `networks:\n${networks.join('\n')}\nlists:\n${defined.join('\n')}\n`,
    settings: `listen: ['127.0.0.1:PORT']
workers: 1
rules: rules
upstreams: { servers: ['127.0.0.1:${upstream}'], loop-check: 0s, idle-probe: 0s }
front-ends: { proxy-protocol: [127.0.0.0/8] }
special-use: { answer: false }
log: { queries: { which: none } }
`
  }
}

/** A network for each `access-control-tag`, with the zones that have the tag, and one for the rest. */
function networksOf(clauses: readonly RplClause[], zones: readonly RplClause[]): string[] {
  const server = clauses.filter(({ name }) => name === 'server')
  const tagged = server
    .flatMap(({ attributes }) => attributes)
    .filter(([key]) => key === 'access-control-tag')
    .map(([, value]) => value.split(/\s+/) as [string, string])
  const all = [...tagged, ...EVERYONE.map(prefix => [prefix, '""'] as const)]
  return all.map(([prefix, tags], nth) => {
    const own = unquoted(tags).split(' ')
    const applied = zones.flatMap((zone, index) => {
      const required = valueOf(zone, 'tags')?.split(' ')
      const applies = required === undefined || required.some(tag => own.includes(tag))
      return applies ? [ruleOn(zone, index)] : []
    })
    const rules = (['allow', 'block'] as const).map(kind => {
      const entries = applied.filter(rule => rule.kind === kind).map(({ text }) => text)
      return entries.length === 0 ? '' : `, ${kind}: [${entries.join(', ')}]`
    })
    return `  n${nth}: { prefixes: ['${prefix}']${rules.join('')} }`
  })
}

function ruleOn(zone: RplClause, index: number): { kind: 'allow' | 'block'; text: string } {
  const override = valueOf(zone, 'rpz-action-override') ?? ''
  if (override === 'passthru') return { kind: 'allow', text: `{ lists: [z${index}] }` }
  const target = valueOf(zone, 'rpz-cname-override')?.replace(/\.$/, '')
  const more =
    override === 'cname' ? `, action: cname, target: '${target}'` : (OVERRIDES[override] ?? '')
  return { kind: 'block', text: `{ lists: [z${index}]${more} }` }
}

function valueOf({ attributes }: RplClause, wanted: string): string | undefined {
  const found = attributes.find(([key]) => key === wanted)
  return found && unquoted(found[1])
}

function unquoted(text: string): string {
  return text.replace(/^"(.*)"$/, '$1')
}
