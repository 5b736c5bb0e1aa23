import type { Evidence } from '../../rules/apps/evidence.js'
import { paint } from '../io.js'
import type { Wanted } from './app-search.js'
import type { AppView, BanView, Listing, NameView, SearchedName } from './app-view.js'
import { fit, section, table, type Painted } from './layout.js'
import { count, number } from './show.js'

type Sources = Evidence['sources']

/**
 * One app in full, or several as a table.
 *
 * @param columns of the terminal, if it is one
 */
export function toText(
  { apps, name }: Listing,
  wanted: Wanted,
  sources: Sources,
  columns?: number
): string {
  const lines =
    name === undefined ? appLines(apps, wanted, columns) : nameLines(name, apps, sources, columns)
  return `${lines.join('\n')}\n`
}

function appLines(apps: readonly AppView[], wanted: Wanted, columns?: number): string[] {
  const [only] = apps
  return only !== undefined && apps.length === 1
    ? detail(only, wanted, columns)
    : list(apps, columns)
}

/** Labels and what stands behind each; those without lines are left out. */
type Sections = readonly (readonly [label: string, lines: readonly Painted[]])[]

function laidOut(sections: Sections, columns?: number): string[] {
  return sections.flatMap(([label, lines]) => section(label, lines, columns))
}

const HEAD = ['app', 'title', 'vendor', '', 'kind', 'names', 'banned in']
/** Columns with words in them, and those of them that may be cut. */
const WORDS = 5
const CUTTABLE = [1, 2]

function list(apps: readonly AppView[], columns?: number): string[] {
  if (apps.length === 0) return ['no app is like that']
  const rows = apps.map(({ app, title, vendor, country, kind, names, bans }) => {
    const networks = new Set(bans.map(({ network }) => network)).size
    const facts = [app, title, vendor ?? '-', country ?? '', kind, number(names.length)]
    return [...facts, networks === 0 ? '-' : count(networks, 'network')]
  })
  return table(HEAD, fit(HEAD, rows, CUTTABLE, columns), WORDS)
}

function detail(view: AppView, { role }: Wanted, columns?: number): string[] {
  const { app, title, description, file, names, addresses } = view
  const shown = role === undefined ? names : names.filter(name => name.role === role)
  const sums = [count(names.length, 'name'), count(addresses.length, 'address', 'addresses')]
  return [
    paint('bold', `${title} (${app})`),
    ...(description === null ? [] : section('', [description], columns)),
    '',
    ...laidOut(
      [
        ['Whose', [whose(view)]],
        ['Has', [`${sums.join(' and ')}, in ${file}`]],
        ...facts(view),
        ['Banned in', bansLines(view.bans)]
      ],
      columns
    ),
    '',
    ...namesTable(shown, columns)
  ]
}

function whose({ vendor, country, kind }: AppView): string {
  const who = vendor ?? 'of no single vendor'
  return `${who}${country === null ? '' : ` (${country})`}, ${KIND[kind]}`
}

const KIND = {
  app: 'one product',
  shared: 'names that several of its products use',
  bypass: 'a way past the resolver'
} as const satisfies Record<AppView['kind'], string>

function facts({ pairsWith, successor, collateral, sharedNames, addresses }: AppView): Sections {
  const shared = sharedNames.map(({ name, note }) => (note === null ? name : `${name}: ${note}`))
  return [
    ['Became', successor === null ? [] : [successor]],
    ['Ban with it', pairsWith],
    ['Breaks too', collateral],
    ['Never ban', shared],
    ['Addresses', addresses]
  ]
}

function bansLines(bans: readonly BanView[]): Painted[] {
  if (bans.length === 0) return ['no network, now']
  return bans.map(({ network, id, mode, action, from, until, rule }): Painted => {
    const term = [from && `from ${from}`, until && `until ${until}`].filter(Boolean).join(' ')
    const how = mode === 'monitor' ? 'recorded only' : action
    const text = `${network}: ${how}, ${term === '' ? '' : `${term}, `}${id} at ${rule}`
    return [mode === 'monitor' ? 'yellow' : 'red', text]
  })
}

const NAMES_HEAD = ['name', 'role', 'confidence', 'first seen', 'evidence']

function namesTable(names: readonly NameView[], columns?: number): string[] {
  const rows = names.map(({ name, role, confidence, firstSeen, evidence }) => {
    const said = [role, confidence, firstSeen].map(fact => fact ?? '-')
    return [name, ...said, number(evidence.length)]
  })
  const shown = fit(NAMES_HEAD, rows, [0], columns)
  return names.length === 0 ? ['no name is like that'] : table(NAMES_HEAD, shown, 4)
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
  const known = [
    role ?? 'no role',
    `${confidence ?? 'unsaid'} confidence`,
    ...(firstSeen === null ? [] : [`first seen ${firstSeen}`])
  ]
  return [
    paint('bold', `${searched} is claimed by ${app} (${title})`),
    ...laidOut(
      [
        ['Through', [`${name}, ${file}:${line}`]],
        ['Known as', [known.join(', '), ...(note === null ? [] : [note])]],
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
  const suffix = isPublicSuffix ? [`${name} is a public suffix, under which others have names`] : []
  const zone =
    shared === null
      ? []
      : [
          `in ${shared.zone}, which ${shared.operator} shares between many: ban single names below it`
        ]
  return [...zone, ...suffix]
}
