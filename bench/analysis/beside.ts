import { createReadStream } from 'node:fs'
import { link, mkdir, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Octets } from '../../src/base/units.js'
import type { QueryRecord } from '../../src/lookups/event/schema.js'
import { run } from '../kit/processes.js'
import { archive, sizeOf } from './month.js'
import { inRounds, interdict, timed, type Rounds } from './timed.js'

/** Debian packages of the tools beside ours. */
export const TOOLS = ['jq', 'mawk', 'sqlite3']

/**
 * The tables of pihole-FTL.db that a query needs, with the index that Pi-hole 6 makes; an app is
 * what Pi-hole calls a list.
 */
const PIHOLE = `
CREATE TABLE query_storage (id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp INTEGER NOT NULL,
  type INTEGER NOT NULL, status INTEGER NOT NULL, domain INTEGER NOT NULL, client INTEGER NOT NULL,
  forward INTEGER, additional_info INTEGER, reply_type INTEGER, reply_time REAL, dnssec INTEGER,
  list_id INTEGER, ede INTEGER);
CREATE INDEX idx_queries_timestamps ON query_storage (timestamp);
CREATE TABLE domain_by_id (id INTEGER PRIMARY KEY, domain TEXT NOT NULL);
CREATE TABLE client_by_id (id INTEGER PRIMARY KEY, ip TEXT NOT NULL, name TEXT);
CREATE TABLE list_by_id (id INTEGER PRIMARY KEY, app TEXT NOT NULL);
`
const BY_LIST = `SELECT app, n, blocked, clients FROM (
  SELECT list_id, count(*) AS n, sum(status = 1) AS blocked, count(DISTINCT client) AS clients
  FROM query_storage WHERE timestamp >= 0 GROUP BY list_id)
  JOIN list_by_id ON list_by_id.id = list_id`

const JQ = `reduce inputs as $r ({};
  .[$r.app].n += 1 | .[$r.app].clients[$r.client] = 1
  | if $r.verdict == "blocked" then .[$r.app].blocked += 1 else . end)
  | to_entries[] | [.key, .value.n, .value.blocked // 0, (.value.clients | length)] | @tsv`

/** Fields are cut out by their names: what a careful person does who knows that none has a quote. */
const AWK = `function field(name,  at, rest) {
    at = index($0, "\\"" name "\\":\\""); if (at == 0) return ""
    rest = substr($0, at + length(name) + 4); return substr(rest, 1, index(rest, "\\"") - 1)
  }
  { app = field("app"); n[app]++
    if (field("verdict") == "blocked") blocked[app]++
    if (!((app, $0 = field("client")) in seen)) { seen[app, $0] = 1; clients[app]++ } }
  END { for (app in n) print app "\\t" n[app] "\\t" blocked[app] + 0 "\\t" clients[app] }`

/** One tool's answer to `report --by app`, and what it reads for it. */
export interface BesideRow extends Rounds {
  readonly tool: string
  readonly octets: Octets
}

/**
 * The same question to the same lookups: how many by app, how many of them blocked, and of how many
 * clients. All answers have to be the same.
 *
 * @param lines a file of lines
 * @throws Error where a tool answers something else
 */
export async function askBeside(
  lines: string,
  settings: string,
  rounds: number,
  say: (text: string) => void
): Promise<BesideRow[]> {
  const parquet = await asParquet(lines)
  const database = await asDatabase(lines)
  const ask = (log: string): string[] =>
    interdict('report', '--by', 'app', '--format', 'csv', '-c', settings, '--log', log)
  const tools: { tool: string; reads: string; command: readonly string[] }[] = [
    { tool: 'interdict, Parquet', reads: join(dirname(parquet), 'archive'), command: ask(parquet) },
    { tool: 'interdict, JSON lines', reads: lines, command: ask(lines) },
    { tool: 'mawk, JSON lines', reads: lines, command: ['mawk', AWK, lines] },
    { tool: 'jq, JSON lines', reads: lines, command: ['jq', '-nr', JQ, lines] },
    {
      tool: "SQLite, Pi-hole's tables",
      reads: database,
      command: ['sqlite3', '-tabs', database, BY_LIST]
    }
  ]
  const rows: BesideRow[] = []
  for (const { tool, reads, command } of tools) {
    await timed(command) // so that its files are in memory
    const answer = await inRounds(command, rounds)
    const first = rows[0]
    if (first !== undefined && shape(answer.out) !== shape(first.out))
      throw new Error(`${tool} counts otherwise:\n${shape(answer.out)}\n${shape(first.out)}`)
    const found = await stat(reads)
    rows.push({ tool, octets: found.isDirectory() ? sizeOf(reads) : found.size, ...answer })
    say(`${tool}: ${Math.round(answer.time.median)} ms`)
  }
  return rows
}

/** App, lookups, blocked, clients, sorted: from a CSV with a head and more columns, or from tabs. */
function shape(out: string): string {
  const [head = '', ...rest] = out.trim().split(/\r?\n/)
  if (!head.startsWith('app,')) return [head, ...rest].sort().join('\n')
  const columns = head.split(',')
  const at = ['app', 'lookups', 'blocked', 'clients'].map(key => columns.indexOf(key))
  return rest
    .map(line => at.map(i => line.split(',')[i]).join('\t'))
    .sort()
    .join('\n')
}

async function asParquet(lines: string): Promise<string> {
  const folder = join(dirname(lines), 'parquet')
  await mkdir(folder)
  await link(lines, join(folder, 'queries-20260101T000000.000Z.jsonl'))
  const path = join(folder, 'queries.jsonl')
  await archive(path, Date.now())
  return path
}

const TYPES: Readonly<Record<string, number>> = { A: 1, AAAA: 2, HTTPS: 16 }

/** Numbers for texts, from 1. */
class Numbers {
  readonly known = new Map<string, number>()

  of(text: string): number {
    const number = this.known.get(text) ?? this.known.size + 1
    this.known.set(text, number)
    return number
  }

  rows(more: string): string {
    return [...this.known].map(([text, number]) => `${number}\t${text}${more}\n`).join('')
  }
}

/** The lookups as Pi-hole keeps them. */
async function asDatabase(lines: string): Promise<string> {
  const folder = join(dirname(lines), 'sqlite')
  await mkdir(folder)
  const [domains, clients, lists] = [new Numbers(), new Numbers(), new Numbers()]
  const rows: string[] = []
  for await (const line of createInterface({ input: createReadStream(lines) })) {
    const record = JSON.parse(line) as QueryRecord
    const isBlocked = record.verdict === 'blocked'
    const at = Math.floor(Date.parse(record.time) / 1000)
    const ids = [domains.of(record.qname), clients.of(record.client!), '', '']
    const reply = [isBlocked ? 2 : 4, (record.us / 1e6).toFixed(6), 0]
    const end = [lists.of(record.app!), record.ede ?? -1]
    const start = [rows.length + 1, at, TYPES[record.qtype] ?? 1, isBlocked ? 1 : 2]
    rows.push([...start, ...ids, ...reply, ...end].join('\t'))
  }
  await writeFile(join(folder, 'query_storage'), `${rows.join('\n')}\n`)
  await writeFile(join(folder, 'domain_by_id'), domains.rows(''))
  await writeFile(join(folder, 'client_by_id'), clients.rows('\t'))
  await writeFile(join(folder, 'list_by_id'), lists.rows(''))
  const database = join(folder, 'pihole-FTL.db')
  const tables = ['domain_by_id', 'client_by_id', 'list_by_id', 'query_storage']
  const imports = tables.map(table => `.import ${join(folder, table)} ${table}\n`).join('')
  const script = join(folder, 'script')
  await writeFile(script, `PRAGMA synchronous = OFF;\n${PIHOLE}.mode tabs\n${imports}`)
  const { code, stderr } = await run(['sqlite3', database, `.read ${script}`], { limit: 600_000 })
  if (code !== 0) throw new Error(`sqlite3: ${stderr}`)
  for (const table of tables) await rm(join(folder, table))
  return database
}
