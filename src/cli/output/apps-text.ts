import type { Evidence } from '../../rules/apps/evidence.js'
import type { Wanted } from './app-search.js'
import type { AppView, BanView, Listing, NameView, SearchedName } from './app-view.js'
import { fit, section, table, type Painted } from './layout.js'
import { paint } from './paint.js'
import { count, number } from './show.js'

type Sources = Evidence['sources']

/** For a terminal; colours only there. One app is shown whole, several are a table. */
export function toText({ apps, name }: Listing, wanted: Wanted, sources: Sources): string {
  const lines = name === undefined ? appLines(apps, wanted) : nameLines(name, apps, sources)
  return `${lines.join('\n')}\n`
}

function appLines(apps: readonly AppView[], wanted: Wanted): string[] {
  const [only] = apps
  return only !== undefined && apps.length === 1 ? detail(only, wanted) : list(apps)
}

const HEAD = ['app', 'title', 'vendor', '', 'kind', 'names', 'banned in']
/** Columns with words in them, and those of them that may be cut. */
const WORDS = 5
const CUTTABLE = [1, 2]

function list(apps: readonly AppView[]): string[] {
  if (apps.length === 0) return ['no app is like that']
  const rows = apps.map(({ app, title, vendor, country, kind, names, bans }) => {
    const networks = new Set(bans.map(({ network }) => network)).size
    const facts = [app, title, vendor ?? '-', country ?? '', kind, number(names.length)]
    return [...facts, networks === 0 ? '-' : count(networks, 'network')]
  })
  return table(HEAD, fit(HEAD, rows, CUTTABLE), WORDS)
}

function detail(view: AppView, { role }: Wanted): string[] {
  const { app, title, description, file, names, addresses } = view
  const shown = role === undefined ? names : names.filter(name => name.role === role)
  const sums = [count(names.length, 'name'), count(addresses.length, 'address', 'addresses')]
  return [
    paint('bold', `${title} (${app})`),
    ...(description === null ? [] : section('', [description])),
    '',
    ...section('Whose', [whose(view)]),
    ...section('Has', [`${sums.join(' and ')}, in ${file}`]),
    ...facts(view),
    ...section('Banned in', bansLines(view.bans)),
    '',
    ...namesTable(shown)
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

function facts({ pairsWith, successor, collateral, sharedNames, addresses }: AppView): string[] {
  const shared = sharedNames.map(({ name, note }) => (note === null ? name : `${name}: ${note}`))
  return [
    ...some('Became', successor === null ? [] : [successor]),
    ...some('Ban with it', pairsWith),
    ...some('Breaks too', collateral),
    ...some('Never ban', shared),
    ...some('Addresses', addresses)
  ]
}

function some(label: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : section(label, lines)
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

function namesTable(names: readonly NameView[]): string[] {
  const rows = names.map(({ name, role, confidence, firstSeen, evidence }) => {
    const said = [role, confidence, firstSeen].map(fact => fact ?? '-')
    return [name, ...said, number(evidence.length)]
  })
  const shown = fit(NAMES_HEAD, rows, [0])
  return names.length === 0 ? ['no name is like that'] : table(NAMES_HEAD, shown, 4)
}

function nameLines(searched: SearchedName, apps: readonly AppView[], sources: Sources): string[] {
  const { name, claims } = searched
  return [
    ...(claims.length === 0 ? [paint('bold', `${name}: no app claims it`)] : []),
    ...claims.flatMap((claim, i) => {
      const app = apps.find(({ app }) => app === claim.app)!
      return [...(i > 0 ? [''] : []), ...claimLines(name, claim, app, sources)]
    }),
    ...sharedLines(searched),
    ...(claims.length === 0 && apps.length > 0 ? ['', ...list(apps)] : [])
  ]
}

function claimLines(
  searched: string,
  { name, line, role, confidence, firstSeen, evidence, note, force }: NameView,
  { app, title, file, bans }: AppView,
  sources: Sources
): string[] {
  const known = [
    role ?? 'no role',
    `${confidence ?? 'unsaid'} confidence`,
    ...(firstSeen === null ? [] : [`first seen ${firstSeen}`])
  ]
  return [
    paint('bold', `${searched} is claimed by ${app} (${title})`),
    ...section('Through', [`${name}, ${file}:${line}`]),
    ...section('Known as', [known.join(', '), ...(note === null ? [] : [note])]),
    ...some('Forced', force === null ? [] : [force]),
    ...some(
      'Evidence',
      evidence.map(tag => evidenceLine(tag, sources))
    ),
    ...section('Banned in', bansLines(bans))
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
  return some('Shared', [...zone, ...suffix])
}
