import type { Evidence } from '../../../policy/rules/apps/evidence.js'
import { escapeControls } from '../../../base/log/terminal-line.js'
import { paint } from '../../io.js'
import type { AppQuery } from '../../../analysis/views/app-search.js'
import type {
  AppView,
  BanView,
  Listing,
  NameView,
  SearchedName
} from '../../../analysis/views/app-view.js'
import { formatCount, formatNumber } from '../format.js'
import { fit, section, table, type StyledText } from '../layout.js'

type Sources = Evidence['sources']

/**
 * One app in full, or several as a table.
 *
 * @param columns of the terminal, if it is one
 */
export function toText(
  { apps, name }: Listing,
  query: AppQuery,
  sources: Sources,
  columns?: number
): string {
  const lines =
    name === undefined ? appLines(apps, query, columns) : nameLines(name, apps, sources, columns)
  return `${lines.join('\n')}\n`
}

function appLines(apps: readonly AppView[], query: AppQuery, columns?: number): string[] {
  const [only] = apps
  if (only === undefined)
    return [query.search === '' ? 'No app matches.' : `No app matches '${query.search}'.`]
  return apps.length === 1 ? detail(only, query, columns) : list(apps, columns)
}

/** Labels and what stands behind each; those without lines are left out. */
type Sections = readonly (readonly [label: string, lines: readonly StyledText[]])[]

function laidOut(sections: Sections, columns?: number): string[] {
  return sections.flatMap(([label, lines]) => section(label, lines, columns))
}

const HEAD = ['app', 'title', 'vendor', '', 'kind', 'names', 'banned in']
/** Number of text columns, which come first, and those that may be truncated. */
const TEXT_COLUMNS = 5
const CUTTABLE = [1, 2]

function list(apps: readonly AppView[], columns?: number): string[] {
  const rows = apps.map(({ app, title, vendor, country, kind, names, bans }) => {
    const networks = new Set(bans.map(({ network }) => network)).size
    const facts = [app, title, vendor ?? '-', country ?? '', kind, formatNumber(names.length)]
    return [...facts, networks === 0 ? '-' : formatCount(networks, 'network')]
  })
  return table(HEAD, fit(HEAD, rows, CUTTABLE, columns), TEXT_COLUMNS)
}

function detail(view: AppView, { role }: AppQuery, columns?: number): string[] {
  const { app, title, description, file, names, addresses } = view
  const shown = role === undefined ? names : names.filter(name => name.role === role)
  const sums = [
    formatCount(names.length, 'name'),
    formatCount(addresses.length, 'address', 'addresses')
  ]
  return [
    paint('bold', escapeControls(`${title} (${app})`)),
    ...(description === null ? [] : section('', [description], columns)),
    '',
    ...laidOut(
      [
        ['Vendor', [vendorText(view)]],
        ['Contains', [`${sums.join(' and ')}, in ${file}`]],
        ...facts(view),
        ['Banned in', bansLines(view.bans)]
      ],
      columns
    ),
    '',
    ...namesTable(shown, columns)
  ]
}

function vendorText({ vendor, country, kind }: AppView): string {
  const name = vendor ?? 'no single vendor'
  return `${name}${country === null ? '' : ` (${country})`}, ${KIND[kind]}`
}

const KIND = {
  app: 'one product',
  shared: 'names shared by several of its products',
  bypass: 'a way around the resolver'
} as const satisfies Record<AppView['kind'], string>

function facts({ pairsWith, successor, collateral, sharedNames, addresses }: AppView): Sections {
  const shared = sharedNames.map(({ name, note }) => (note === null ? name : `${name}: ${note}`))
  return [
    ['Successor', successor === null ? [] : [successor]],
    ['Ban together', pairsWith],
    ['Also breaks', collateral],
    ['Never ban', shared],
    ['Addresses', addresses]
  ]
}

function bansLines(bans: readonly BanView[]): StyledText[] {
  if (bans.length === 0) return ['no network at present']
  return bans.map(({ network, id, mode, action, from, until, rule }): StyledText => {
    const term = [from && `from ${from}`, until && `until ${until}`].filter(Boolean).join(' ')
    const how = mode === 'monitor' ? 'monitored' : action
    const text = `${network}: ${how}, ${term === '' ? '' : `${term}, `}${id} at ${rule}`
    return [mode === 'monitor' ? 'yellow' : 'red', text]
  })
}

const NAMES_HEAD = ['name', 'role', 'confidence', 'first seen', 'evidence']

function namesTable(names: readonly NameView[], columns?: number): string[] {
  const rows = names.map(({ name, role, confidence, firstSeen, evidence }) => {
    const facts = [role, confidence, firstSeen].map(fact => fact ?? '-')
    return [name, ...facts, formatNumber(evidence.length)]
  })
  const shown = fit(NAMES_HEAD, rows, [0], columns)
  return names.length === 0 ? ['No name has this role.'] : table(NAMES_HEAD, shown, 4)
}

function nameLines(
  searched: SearchedName,
  apps: readonly AppView[],
  sources: Sources,
  columns?: number
): string[] {
  const { name, claims } = searched
  return [
    ...(claims.length === 0 ? [paint('bold', `${name}: no app claims it`)] : []),
    ...claims.flatMap((claim, i) => {
      const app = apps.find(({ app }) => app === claim.app)!
      return [...(i > 0 ? [''] : []), ...claimLines(name, claim, app, sources, columns)]
    }),
    ...section('Shared', sharedLines(searched), columns),
    ...(claims.length === 0 && apps.length > 0 ? ['', ...list(apps, columns)] : [])
  ]
}

function claimLines(
  searched: string,
  { name, line, role, confidence, firstSeen, evidence, note, force }: NameView,
  { app, title, file, bans }: AppView,
  sources: Sources,
  columns?: number
): string[] {
  const details = [
    role ?? 'no role',
    `${confidence ?? 'unknown'} confidence`,
    ...(firstSeen === null ? [] : [`first seen ${firstSeen}`])
  ]
  return [
    paint('bold', escapeControls(`${searched} is claimed by ${app} (${title})`)),
    ...laidOut(
      [
        ['Matched by', [`${name}, ${file}:${line}`]],
        ['Details', [details.join(', '), ...(note === null ? [] : [note])]],
        ['Forced', force === null ? [] : [force]],
        ['Evidence', evidence.map(tag => evidenceLine(tag, sources))],
        ['Banned in', bansLines(bans)]
      ],
      columns
    )
  ]
}

function evidenceLine(tag: string, sources: Sources): string {
  const source = Object.hasOwn(sources, tag) ? sources[tag] : undefined
  if (source === undefined) return tag
  return `${tag}: ${source.publisher}${source.date === undefined ? '' : `, ${source.date}`}`
}

function sharedLines({ name, shared, isPublicSuffix }: SearchedName): string[] {
  const suffix = isPublicSuffix
    ? [`${name} is a public suffix: its subdomains belong to different owners`]
    : []
  const zone =
    shared === null
      ? []
      : [
          `in ${shared.zone}, shared infrastructure of ${shared.operator}: ban single names below it`
        ]
  return [...zone, ...suffix]
}
