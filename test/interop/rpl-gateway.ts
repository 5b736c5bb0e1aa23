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
  const local = localDataOf(clauses)
  if (local.zoneFile !== '') lists.set(LOCAL_FILE, local.zoneFile)
  const networks = networksOf(clauses, zones, [...dns64Of(clauses), ...local.keys], local.blocks)
  const defined = zones.map((_, nth) => `  z${nth}: { file: lists/z${nth}.zone, format: rpz }`)
  return {
    lists,
    networks: `networks:\n${networks.join('\n')}\nlists: {}\n`.replace(
      'lists: {}',
      defined.length === 0 ? '' : `lists:\n${defined.join('\n')}`
    ),
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
function networksOf(
  clauses: readonly RplClause[],
  zones: readonly RplClause[],
  more: readonly string[],
  blocks: readonly string[]
): string[] {
  const tagged = serverOf(clauses)
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
      const own = applied.filter(rule => rule.kind === kind).map(({ text }) => text)
      const entries = kind === 'block' ? [...own, ...blocks] : own
      return entries.length === 0 ? '' : `, ${kind}: [${entries.join(', ')}]`
    })
    const keys = more.map(key => `, ${key}`).join('')
    return `  n${nth}: { prefixes: ['${prefix}']${rules.join('')}${keys} }`
  })
}

const serverOf = (clauses: readonly RplClause[]): (readonly [string, string])[] =>
  clauses.filter(({ name }) => name === 'server').flatMap(({ attributes }) => attributes)

/** Unbound makes AAAA records of all A records, whatever the prefix. */
function dns64Of(clauses: readonly RplClause[]): string[] {
  const server = serverOf(clauses)
  if (!server.some(([key, value]) => key === 'module-config' && value.includes('dns64'))) return []
  const [, prefix = '64:ff9b::/96'] = server.find(([key]) => key === 'dns64-prefix') ?? []
  return [`dns64: { prefix: '${unquoted(prefix)}', exclude-a: [] }`]
}

const LOCAL_FILE = 'lists/local.zone'
/** Types of local zones without records of their own, as actions of blocks. */
const LOCAL_ACTIONS: Readonly<Record<string, string>> = {
  deny: 'drop',
  refuse: 'refused',
  always_refuse: 'refused',
  always_nxdomain: 'nxdomain',
  always_nodata: 'nodata',
  always_null: 'null-address'
}

/** Local zones and their data, as keys of a network, a zone file, and blocks. */
function localDataOf(clauses: readonly RplClause[]) {
  const server = serverOf(clauses)
  const zones = server
    .filter(([key]) => key === 'local-zone')
    .map(([, value]) => unquotedWords(value))
  const data = server
    .filter(([key]) => key === 'local-data')
    .map(([, value]) => value.replace(/^(["'])(.*)\1$/, '$2'))
    .filter(record => !/ (CH|ANY) /.test(record))
  const zoneFile = data.map(record => record.replace(/^(\S*[^.\s])\s/, '$1. ')).join('\n')
  const kept = zones.filter(([, type]) => ['static', 'transparent', 'redirect'].includes(type!))
  const written = kept.map(([name, type]) => `{ name: '${withoutDot(name!)}', type: ${type} }`)
  return {
    zoneFile: zoneFile === '' ? '' : `$TTL 3600\n${zoneFile}\n`,
    keys: [
      ...(written.length === 0 ? [] : [`zones: [${written.join(', ')}]`]),
      ...(zoneFile === ''
        ? []
        : [`record-files: [{ file: ${LOCAL_FILE}, format: zone, reverse: false }]`])
    ],
    blocks: zones.flatMap(([name, type]) => {
      const action = LOCAL_ACTIONS[type!]
      return action === undefined ? [] : [`{ names: ['${withoutDot(name!)}'], action: ${action} }`]
    })
  }
}

const unquotedWords = (text: string): string[] => text.split(/\s+/).map(unquoted)
const withoutDot = (name: string): string => name.replace(/\.$/, '')

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
