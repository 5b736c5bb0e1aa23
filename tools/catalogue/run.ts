/** `npm run catalogue`: compares public lists with the shipped catalogue, app by app. */
import { readFile, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { showName } from '../../src/wire/dns/name/name.js'
import { readCatalogue } from '../../src/policy/rules/apps/catalogue.js'
import { sharedZoneContaining } from '../../src/policy/rules/apps/shared-zones.js'
import { writeCatalogueBundle } from './bundle.js'
import {
  coverage,
  ListComparison,
  ownCoverage,
  soleCoverage,
  type Comparison
} from './comparison.js'
import { COVERAGE_FILE, readCoverageList, readCoverageLists } from './coverage-lists.js'
import { factsTable, measureFacts, popularClaims } from './facts-coverage.js'
import { readListFrom } from './lists.js'
import { coverageTable, listsTable, replaceTable, type Measured } from './page.js'

const EARLIER = 'tools/catalogue/earlier.json'
const PAGE = 'docs/internals/catalogue.md'
const USAGE = `npm run catalogue -- [options] [APP=]LIST...
npm run catalogue -- [options]

  LIST is a file or URL in any format of docs/reference/rules.md, compressed or not. APP is the app of the
  list; default: the app that claims most of its names. Without LIST, the coverage of the lists in
  ${COVERAGE_FILE} is printed, a table as in ${PAGE}.

  --rules FOLDER   folder of the catalogue (default: rules)
  --top N          domains to show per app (default: 20)
  --names          print every missing name
  --lists FILE     lists to measure without LIST (default: ${COVERAGE_FILE})
  --from FOLDER    read copies of those lists, by the path of their URL, instead of downloading them
  --write          write the tables of ${PAGE}

npm run catalogue -- --coverage FOLDER [--popular LIST]

  Measures the catalogue against gathered facts: for each FOLDER/apps/APP.yaml, how many of its domains of the tier
  core the app claims, and of the tier avoid.

  --popular LIST   also print how many of these popular names each app claims; with --names, which

npm run catalogue -- --bundle FILE [--key FILE] [--serial N] [--created SECONDS] [--days N] [--catalogue-version V]

  Writes the apps of --rules as a catalogue bundle, for \`interdict catalogue update\`. The same files and options
  make the same bundle.

  --key FILE               private key that signs it; several times for several keys
  --catalogue-version V    default: the day of --created
  --serial N               default: --created
  --created SECONDS        since 1970; default: SOURCE_DATE_EPOCH, or now
  --days N                 until it expires (default: 30)
`

const fail = (message: string): never => {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}
const print = (line: string): unknown => process.stdout.write(`${line}\n`)

const { values, positionals } = parseArgs({
  options: {
    rules: { type: 'string', default: 'rules' },
    top: { type: 'string', default: '20' },
    names: { type: 'boolean', default: false },
    lists: { type: 'string', default: COVERAGE_FILE },
    from: { type: 'string' },
    write: { type: 'boolean', default: false },
    coverage: { type: 'string' },
    popular: { type: 'string' },
    bundle: { type: 'string' },
    key: { type: 'string', multiple: true, default: [] },
    serial: { type: 'string' },
    created: { type: 'string' },
    days: { type: 'string', default: '30' },
    'catalogue-version': { type: 'string' }
  },
  allowPositionals: true
})
const top = Number(values.top)
if (!(top >= 0) || (values.write && positionals.length > 0)) fail(USAGE)

if (values.bundle !== undefined) await bundleCatalogue(values.bundle)

const catalogue = await readCatalogue(values.rules)
if (!catalogue.ok) fail(catalogue.errors.map(({ message }) => message).join('\n'))
const comparison = new ListComparison(catalogue.ok ? catalogue.apps : [])

/** Unclaimed domains of each app: in how many lists, and with how many names at most. */
const byApp = new Map<string, Map<string, { lists: number; names: number }>>()
let failures = 0

if (values.coverage !== undefined) await measureFolder(values.coverage)
else if (positionals.length > 0) await compareLists()
else await measureCoverage()
process.exit(failures > 0 ? 1 : 0)

async function bundleCatalogue(output: string): Promise<never> {
  const given = values.created ?? process.env.SOURCE_DATE_EPOCH
  const created = given === undefined ? Math.floor(Date.now() / 1000) : Number(given)
  const [serial, days] = [Number(values.serial ?? created), Number(values.days)]
  if (![created, serial, days].every(number => Number.isSafeInteger(number) && number > 0))
    fail(USAGE)
  const day = new Date(created * 1000).toISOString().slice(0, 10).replaceAll('-', '.')
  const version = values['catalogue-version'] ?? day
  const { rules, key: keys } = values
  const options = { rules, output, version, serial, created, days, keys, earlier: EARLIER }
  try {
    print(await writeCatalogueBundle(options))
    return process.exit(0)
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error))
  }
}

async function measureFolder(folder: string): Promise<void> {
  await orReport(async () => {
    const measured = await measureFacts(folder, comparison)
    print(factsTable(measured))
    for (const { app, comparison: result, avoided } of measured) {
      printNames(app, result)
      for (const name of avoided) print(`${app}: claims ${name}, which should be avoided`)
    }
  })
  const { popular } = values
  if (popular === undefined) return
  await orReport(async () => {
    const { names, byApp } = popularClaims(await readListFrom(popular), comparison)
    print(`\n${popular}: ${names} names`)
    for (const [app, claimed] of [...byApp].sort())
      print(`  ${app}: ${values.names ? claimed.join(' ') : claimed.length}`)
  })
}

async function compareLists(): Promise<void> {
  for (const word of positionals) {
    const [, app, place] = /^(?:([a-z0-9-]+)=)?(.+)$/s.exec(word)!
    await orReport(async () => {
      if (app !== undefined && !comparison.has(app)) throw new Error(`${word}: no app '${app}'`)
      const list = await readListFrom(place!)
      if ('errors' in list) throw new Error(list.errors[0]!.message)
      const result = comparison.compare(list.parts, app)
      printList(place!, result, list.reports.map(({ format }) => format).join())
      addToApp(result)
    })
  }
  for (const [app, domains] of byApp) printApp(app, domains)
}

async function measureCoverage(): Promise<void> {
  const measured: Measured[] = []
  const lists = await readCoverageLists(values.lists)
  for (const list of lists) {
    await orReport(async () => {
      if (!comparison.has(list.app)) throw new Error(`${list.id}: no app '${list.app}'`)
      const read = await readCoverageList(list, values.from)
      if ('errors' in read) throw new Error(read.errors[0]!.message)
      measured.push({ list, comparison: comparison.compare(read.parts, list.app) })
    })
  }
  const table = coverageTable(measured)
  print(table)
  for (const { list, comparison: result } of measured) printNames(list.id, result)
  if (!values.write) return
  if (failures > 0) fail(`${PAGE} not written: not all lists could be read`)
  const page = replaceTable(await readFile(PAGE, 'utf8'), 'coverage', table)
  await writeFile(PAGE, replaceTable(page, 'lists', listsTable(lists)))
}

async function orReport(run: () => Promise<void>): Promise<void> {
  try {
    await run()
  } catch (error) {
    failures++
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  }
}

function printList(place: string, result: Comparison, format: string): void {
  const { app, names, own, paired, others, shared, missing, uncounted } = result
  const percent = (value: number): string => `${(value * 100).toFixed(1)}%`
  print(`${place} (${format}): ${names} names`)
  print(
    `  ${own} claimed by ${app ?? 'no app'}, ${paired} by apps that it pairs with, ${others} by others alone`
  )
  print(`  ${shared} in shared zones and public suffixes, ${missing} missing`)
  print(
    `  coverage ${percent(coverage(result))}, without shared ones ${percent(ownCoverage(result))}, ` +
      `and without other apps' ${percent(soleCoverage(result))}`
  )
  if (uncounted > 0)
    print(`  ${uncounted} unclaimed names are not shown: too many different domains`)
  printNames(place, result)
}

function printNames(title: string, { missingNames, missing }: Comparison): void {
  if (!values.names || missing === 0) return
  print(`\n${title}: ${missing} missing names`)
  for (const name of missingNames) print(`  ${name}`)
}

function addToApp({ app = 'no app', domains }: Comparison): void {
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
