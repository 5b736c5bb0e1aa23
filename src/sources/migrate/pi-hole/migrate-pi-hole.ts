import { failure } from '../../../base/errors/error.js'
import { reasonOf } from '../../../base/errors/reason.js'
import { isLocalName } from '../../../policy/rules/lists/list-text.js'
import { BlockedNames } from '../draft/block-names.js'
import { carryDnsmasq } from './dnsmasq-settings.js'
import { Migration, type NetworkDraft } from '../draft/migration.js'
import { PiHoleLists, type Row, type Tables } from './pi-hole-lists.js'
import { PiHoleSettings, type PiHoleSetting } from './pi-hole-settings.js'
import { readSetupVars } from './pi-hole-variables.js'
import { readArchive } from './read-archive.js'
import type { SourceFile } from '../draft/source-file.js'
import { SqliteTables } from './sqlite-tables.js'
import { readTomlKeys } from './toml-keys.js'

const TABLES = [
  ...['group', 'adlist', 'adlist_by_group', 'domainlist', 'domainlist_by_group'],
  ...['client', 'client_by_group', 'domain_audit']
]
/** Files of Pi-hole 5 with rows of `domainlist`, by their type. */
const DOMAIN_FILES = ['whitelist.exact', 'blacklist.exact', 'whitelist.regex', 'blacklist.regex']
const DATABASE = 'etc/pihole/gravity.db'

/** Settings and rules of an archive of Teleporter: zip of Pi-hole 6, tar.gz of Pi-hole 5. */
export function migratePiHole(source: SourceFile): Migration {
  const migration = new Migration('Pi-hole')
  const files = readArchive(source)
  const shown = (path: string): string => `${source.file}/${path}`
  const lists = new PiHoleLists(readTables(files, shown), migration)
  lists.read()
  const blocked = new BlockedNames(migration, lists.common, 'denied-names')
  const settings = new PiHoleSettings(migration, lists.common, blocked)
  for (const [path, octets] of files) {
    const text = Buffer.from(octets).toString('utf8')
    const file = shown(path)
    if (path.endsWith('pihole.toml')) tomlSettings(text, file).forEach(one => settings.read(one))
    else if (/(^|\/)(setupVars|pihole-FTL)\.conf$/.test(path))
      readSetupVars(text, file, settings, migration)
    else if (/(^|\/)(custom\.list|hosts)$/.test(path)) readHosts(text, file, settings, migration)
    else if (/dnsmasq\.d\/.*\.conf$/.test(path))
      readLines(text, file, (at, line) => carryDnsmasq(at, line, migration, blocked))
    else readOther(path, text, file, migration)
  }
  blocked.finish()
  if (![...files.keys()].some(path => path.endsWith('pihole.toml')))
    addDefaults(migration, lists.common)
  return migration
}

/** What Pi-hole 5 does where its files say nothing. */
function addDefaults({ defaults, listen }: Migration, { block }: NetworkDraft): void {
  if (!('action' in defaults)) defaults.action = 'null-address'
  if (listen.size === 0) for (const address of ['0.0.0.0', '[::]']) listen.add(`${address}:53`)
  block.push({ apps: ['firefox-canary', 'private-relay'], action: 'nxdomain' })
}

function tomlSettings(text: string, file: string): readonly PiHoleSetting[] {
  return readTomlKeys(text).map(({ key, value, line, isChanged }) => {
    const written = JSON.stringify(value)
    return {
      file,
      line,
      key,
      value,
      isDefault: !isChanged,
      text: `${key} = ${written.length > 100 ? `${written.slice(0, 100)}…` : written}`
    }
  })
}

function readHosts(
  text: string,
  file: string,
  settings: PiHoleSettings,
  migration: Migration
): void {
  readLines(text, file, (at, line) => {
    const names = line.replace(/#.*$/, '').trim().split(/\s+/).slice(1)
    if (names.every(name => isLocalName(name)))
      migration.unneeded(at, line, 'Interdict answers it itself')
    else migration.settle(at, line, settings.addHosts(line))
  })
}

function readLines(
  text: string,
  file: string,
  read: (at: { file: string; line: number }, line: string) => void
): void {
  for (const [i, line] of text.split('\n').entries()) {
    const trimmed = line.trim()
    if (trimmed !== '' && !trimmed.startsWith('#')) read({ file, line: i + 1 }, trimmed)
  }
}

const isTable = (path: string): boolean => /(^|\/)[\w.]+\.json$/.test(path)

/** Files without a meaning here. */
function readOther(path: string, text: string, file: string, migration: Migration): void {
  const at = { file, line: 1 }
  if (path === DATABASE || isTable(path)) return
  if (path.endsWith('dhcp.leases'))
    readLines(text, file, (place, line) =>
      migration.open(
        place,
        line,
        'Interdict has no DHCP server: take the lease over to yours, and the name as a local record'
      )
    )
  else if (path.endsWith('pihole-FTL.db'))
    migration.unneeded(at, path, 'names of devices and messages of Pi-hole')
  else migration.open(at, path, 'a file that Interdict does not know: look at what it has')
}

/** @throws InterdictError MIGRATE_UNREADABLE */
function readTables(
  files: ReadonlyMap<string, Uint8Array>,
  shown: (path: string) => string
): Tables {
  const tables = new Map<string, Row[]>()
  const add = (
    table: string,
    path: string,
    rows: Iterable<Readonly<Record<string, unknown>>>
  ): void => {
    const known = tables.get(table) ?? []
    let line = 0
    for (const values of rows) known.push({ file: shown(path), line: ++line, values })
    tables.set(table, known)
  }
  for (const [path, octets] of files) {
    try {
      if (path === DATABASE) {
        const database = new SqliteTables(octets)
        for (const table of TABLES) add(table, `${path}/${table}`, database.rows(table))
      } else if (isTable(path)) {
        const rows = JSON.parse(Buffer.from(octets).toString('utf8')) as Record<string, unknown>[]
        const name = /([\w.]+)\.json$/.exec(path)![1]!
        const type = DOMAIN_FILES.indexOf(name)
        add(
          type === -1 ? name : 'domainlist',
          path,
          type === -1 ? rows : rows.map(row => ({ ...row, type }))
        )
      }
    } catch (error) {
      throw failure('MIGRATE_UNREADABLE', shown(path), reasonOf(error))
    }
  }
  return tables
}
