/** Holds public lists against the shipped catalogue, and says what it lacks, by app. */
import { parseArgs } from 'node:util'
import { showName } from '../../src/dns/name/name.js'
import { readCatalogue } from '../../src/rules/apps/catalogue.js'
import { sharedZoneContaining } from '../../src/rules/apps/shared-zones.js'
import { Comparison, type Missing } from './comparison.js'
import { listFrom } from './lists.js'

const USAGE = `npm run catalogue -- [options] [APP=]LIST...

  LIST is a file or a URL, of any format that docs/reference/rules.md has, packed or not. APP is whose list it
  is; not given: the app that claims most of it.

  --rules FOLDER   the catalogue (rules)
  --top N          registered names shown of each app (20)
`

const fail = (message: string): never => {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}
const say = (line: string): unknown => process.stdout.write(`${line}\n`)

const { values, positionals } = parseArgs({
  options: { rules: { type: 'string', default: 'rules' }, top: { type: 'string', default: '20' } },
  allowPositionals: true
})
const top = Number(values.top)
if (positionals.length === 0 || !(top >= 0)) fail(USAGE)

const catalogue = await readCatalogue(values.rules)
if (!catalogue.ok) fail(catalogue.errors.map(({ message }) => message).join('\n'))
const comparison = new Comparison(catalogue.ok ? catalogue.apps : [])

/** What is missing of each app: in how many lists, and below how many names at most. */
const byApp = new Map<string, Map<string, { lists: number; names: number }>>()
let unread = 0

for (const word of positionals) {
  const [, app, place] = /^(?:([a-z0-9-]+)=)?(.+)$/s.exec(word)!
  try {
    const list = await listFrom(place!)
    if ('errors' in list) throw new Error(list.errors[0]!.message)
    const missing = comparison.of(list.parts, app)
    sayList(place!, missing, list.reports.map(({ format }) => format).join())
    keep(missing)
  } catch (error) {
    unread++
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  }
}
for (const [app, domains] of byApp) sayApp(app, domains)
process.exit(unread > 0 ? 1 : 0)

function sayList(place: string, missing: Missing, format: string): void {
  const { app, names, claimed, claimedByOthers, shared, missing: lacking, uncounted } = missing
  say(`${place} (${format}): ${names} names`)
  say(`  ${claimed} claimed by ${app ?? 'no app'}, ${claimedByOthers} by others alone`)
  say(`  ${shared} shared zones and public suffixes, ${lacking} missing`)
  if (uncounted > 0) say(`  ${uncounted} of these are not shown: too many different ones`)
}

function keep({ app = 'no app', domains }: Missing): void {
  const known = byApp.get(app) ?? new Map<string, { lists: number; names: number }>()
  byApp.set(app, known)
  for (const [domain, names] of domains) {
    const before = known.get(domain) ?? { lists: 0, names: 0 }
    known.set(domain, { lists: before.lists + 1, names: Math.max(before.names, names) })
  }
}

function sayApp(app: string, domains: ReadonlyMap<string, { lists: number; names: number }>): void {
  const rows = [...domains].sort(([, a], [, b]) => b.lists - a.lists || b.names - a.names)
  say(`\n${app}: names below ${rows.length} registered names are missing`)
  for (const [domain, { lists, names }] of rows.slice(0, top)) {
    const caution = isShared(app, domain) ? ', shared: single names at most' : ''
    say(`  ${domain.padEnd(30)} in ${lists} of the lists, ${names} names${caution}`)
  }
  if (rows.length > top) say(`  and ${rows.length - top} more: --top`)
}

/** Whether many have names there, as the project or the app's own file says. */
function isShared(app: string, domain: string): boolean {
  const own = catalogue.ok ? catalogue.apps.find(({ entry }) => entry.app === app) : undefined
  const names = own?.entry['shared-names'].map(({ name }) => showName(name.name)) ?? []
  return names.includes(domain) || sharedZoneContaining(domain) !== undefined
}
