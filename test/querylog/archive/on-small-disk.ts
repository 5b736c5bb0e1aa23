/**
 * A program of its own, in a mount namespace of its own: a small disk with a query log that takes
 * nothing more, then something again. Prints what became of the log, as JSON.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { InterdictError } from '../../../src/base/errors/error.js'
import { openDatabase } from '../../../src/lookups/archive/database.js'
import { maintainArchive } from '../../../src/lookups/archive/maintain.js'
import { interdict } from '../../cli/run.js'
import { lines, record } from './lines.js'

const RECORDS = 3000
const CLOSED = 'queries-20230302T000000.104Z.jsonl'
const [folder = '', how = ''] = process.argv.slice(2)
process.env.TMPDIR = join(folder, 'tmp')

mount('size=4m')
const path = join(folder, 'queries.jsonl')
const text = Array.from({ length: RECORDS }, (_, us) =>
  lines(record('2023-03-01T09:26:53.589Z', { us, qname: `n${us}.example` }))
).join('')
writeFileSync(path, lines(record('2023-03-02T09:26:53.589Z')))
writeFileSync(join(folder, CLOSED), text)
const PAGE = join(folder, 'page')
writeFileSync(PAGE, 'previous')
mkdirSync(join(folder, 'tmp'))
writeFileSync(join(folder, 'interdict.yaml'), 'upstreams: { use-resolv-conf: false }\n')
if (how === 'full') fill()
else mount('remount,ro')
const first = { ...(await look()), previous: readFileSync(PAGE, 'utf8') }
if (how === 'full') rmSync(join(folder, 'filler'))
else mount('remount,rw')
const second = await look()
process.stdout.write(JSON.stringify({ first, second }))

function mount(options: string): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'none', folder])
}

function fill(): void {
  try {
    writeFileSync(join(folder, 'filler'), Buffer.alloc(64 * 1024 * 1024))
  } catch {
    // Full.
  }
}

/** Maintains the log, reads it, and runs a report of it. */
async function look(): Promise<object> {
  const report = await ask()
  const codes: unknown[] = []
  const log = {
    info: () => undefined,
    warn: ({ code }: { code?: unknown }) => void codes.push(code),
    error: ({ code }: { code?: unknown }) => void codes.push(code)
  }
  try {
    const options = { path, threads: 1, parquet: true, chain: undefined, keep: undefined }
    await maintainArchive(options, Date.parse('2023-03-02T13:00:00Z'), log)
  } catch (error) {
    codes.push(error instanceof InterdictError ? error.code : String(error))
  }
  const isThere = readdirSync(folder).includes(CLOSED)
  const isWhole = isThere && readFileSync(join(folder, CLOSED), 'utf8') === text
  const database = await openDatabase({ memory: 2 ** 28, threads: 1 })
  await database.openLog(path)
  const [row] = await database.rows('SELECT count(*) AS lookups FROM lookups')
  database.close()
  const left = readdirSync(folder, { recursive: true }).map(String).sort()
  const parquet = left.filter(name => name.endsWith('.parquet')).length
  const making = left.some(name => name.includes('.making'))
  return { codes, isWhole, lookups: row!.lookups, parquet, making, report, page: await page() }
}

async function ask(...words: string[]) {
  const command = ['report', '--log', path, '--format', 'json', ...words]
  const { code, out, err } = await interdict(...command, '-c', join(folder, 'interdict.yaml'))
  const read = out === '' ? {} : (JSON.parse(out) as Answer)
  return { code, lookups: read.tables?.app?.[0]?.lookups, said: err }
}

interface Answer {
  readonly tables?: { readonly app?: readonly { readonly lookups: number }[] }
}

async function page(): Promise<string> {
  const { said } = await ask('--output', PAGE)
  return /\((\w+)\)/.exec(said)?.[1] ?? said
}
