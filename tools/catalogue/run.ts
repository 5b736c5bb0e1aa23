/** `npm run catalogue`: prints which names of public lists the shipped catalogue lacks, by app. */
import { parseArgs } from 'node:util'
import { showName } from '../../src/dns/name/name.js'
import { readCatalogue } from '../../src/rules/apps/catalogue.js'
import { sharedZoneContaining } from '../../src/rules/apps/shared-zones.js'
import { ListComparison, type Missing } from './comparison.js'
import { readListFrom } from './lists.js'

const USAGE = `npm run catalogue -- [options] [APP=]LIST...

  LIST is a file or URL in any format of docs/reference/rules.md, compressed or not. APP is the app of the
  list; default: the app that claims most of its names.

  --rules FOLDER   folder of the catalogue (default: rules)
  --top N          domains to show per app (default: 20)
`

const fail = (message: string): never => {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}
const print = (line: string): unknown => process.stdout.write(`${line}\n`)

const { values, positionals } = parseArgs({
  options: { rules: { type: 'string', default: 'rules' }, top: { type: 'string', default: '20' } },
  allowPositionals: true
})
const top = Number(values.top)
if (positionals.length === 0 || !(top >= 0)) fail(USAGE)

const catalogue = await readCatalogue(values.rules)
if (!catalogue.ok) fail(catalogue.errors.map(({ message }) => message).join('\n'))
const comparison = new ListComparison(catalogue.ok ? catalogue.apps : [])

/** Missing domains of each app: in how many lists, and with how many names at most. */
const byApp = new Map<string, Map<string, { lists: number; names: number }>>()
let failures = 0

for (const word of positionals) {
  const [, app, place] = /^(?:([a-z0-9-]+)=)?(.+)$/s.exec(word)!
  try {
    const list = await readListFrom(place!)
    if ('errors' in list) throw new Error(list.errors[0]!.message)
    const missing = comparison.compare(list.parts, app)
    printList(place!, missing, list.reports.map(({ format }) => format).join())
    addToApp(missing)
  } catch (error) {
    failures++
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  }
}
for (const [app, domains] of byApp) printApp(app, domains)
process.exit(failures > 0 ? 1 : 0)

function printList(place: string, missing: Missing, format: string): void {
  const { app, names, claimed, claimedByOthers, shared, missing: lacking, uncounted } = missing
  print(`${place} (${format}): ${names} names`)
  print(`  ${claimed} claimed by ${app ?? 'no app'}, ${claimedByOthers} by others alone`)
  print(`  ${shared} shared zones and public suffixes, ${lacking} missing`)
  if (uncounted > 0) print(`  ${uncounted} of these are not shown: too many different ones`)
}

function addToApp({ app = 'no app', domains }: Missing): void {
  const known = byApp.get(app) ?? new Map<string, { lists: number; names: number }>()
  byApp.set(app, known)
  for (const [domain, names] of domains) {
    const before = known.get(domain) ?? { lists: 0, names: 0 }
    known.set(domain, { lists: before.lists + 1, names: Math.max(before.names, names) })
  }
}

function printApp(
  app: string,
  domains: ReadonlyMap<string, { lists: number; names: number }>
): void {
  const rows = [...domains].sort(([, a], [, b]) => b.lists - a.lists || b.names - a.names)
  print(`\n${app}: names below ${rows.length} registered names are missing`)
  for (const [domain, { lists, names }] of rows.slice(0, top)) {
    const caution = isShared(app, domain) ? ', shared: single names at most' : ''
    print(`  ${domain.padEnd(30)} in ${lists} of the lists, ${names} names${caution}`)
  }
  if (rows.length > top) print(`  and ${rows.length - top} more: --top`)
}

/** Whether a domain is shared, by the built-in zones or the app's own file. */
function isShared(app: string, domain: string): boolean {
  const own = catalogue.ok ? catalogue.apps.find(({ entry }) => entry.app === app) : undefined
  const names = own?.entry['shared-names'].map(({ name }) => showName(name.name)) ?? []
  return names.includes(domain) || sharedZoneContaining(domain) !== undefined
}
