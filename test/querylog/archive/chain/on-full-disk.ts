/**
 * A program of its own, in a mount namespace of its own: a small disk with a query log and its chain,
 * that takes nothing more, then something again. Prints what became of them, as JSON.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readPublicKey } from '../../../../src/base/files/ed25519.js'
import { verifyLog } from '../../../../src/lookups/chain/verify.js'
import { LogLayout } from '../../../../src/lookups/files/log-layout.js'
import type { ArchiveOptions } from '../../../../src/lookups/archive/maintain.js'
import { lines, record } from '../lines.js'
import { kindsOf, tendOnce } from './rig.js'

const OLD = 'queries-20230302T000000.104Z.jsonl'
const NEXT = 'queries-20230303T000000.000Z.jsonl'
const HOUR = 3_600_000
const PAGE = 4096
const [folder = '', how = '', signKey = '', publicKey = ''] = process.argv.slice(2)

execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'none', folder])
const path = join(folder, 'queries.jsonl')
const at = (name: string): string => join(folder, name)
const chain = { signKey, earlierKeys: [], checkpoint: HOUR }
let now = Date.parse('2023-03-02T01:00:00.000Z')

writeFileSync(at(OLD), lines(record('2023-03-01T09:26:53.589Z')))
await tend({ keep: { days: 365, space: 0, networks: [] } })
// The last page of the chain has no room for another line.
for (let i = 0; i < 20 && PAGE - (statSync(at('chain.jsonl')).size % PAGE) > 330; i++) await tend()
writeFileSync(at(NEXT), lines(record('2023-03-02T09:26:53.589Z')))
if (how === 'without reserve') rmSync(at('chain.reserve'))
fill()
now = Date.parse('2023-03-04T01:00:00.000Z')
const full = await look()
rmSync(at('filler'))
const roomy = await look()
process.stdout.write(JSON.stringify({ full, roomy }))

async function tend(options: Partial<ArchiveOptions> = {}): Promise<unknown[]> {
  const told = await tendOnce(path, new Date((now += HOUR)).toISOString(), {
    parquet: false,
    chain,
    ...options
  })
  return told.told.flatMap(({ fields: { code } }) => (code === undefined ? [] : [code]))
}

async function look(): Promise<object> {
  const codes = await tend({ parquet: true, keep: { days: 1, space: 0, networks: [] } })
  const { proven, unproven } = await verifyLog(new LogLayout(path), [readPublicKey(publicKey)!])
  return {
    codes: codes.filter(code => String(code).startsWith('CHAIN')),
    isOldThere: existsSync(at(OLD)),
    isNextThere: existsSync(at(NEXT)),
    hasReserve: existsSync(at('chain.reserve')),
    proven,
    unproven: unproven.map(({ at }) => at),
    last: kindsOf(path).slice(-2)
  }
}

function fill(): void {
  try {
    writeFileSync(at('filler'), Buffer.alloc(64 * 1024 * 1024))
  } catch {
    // Full.
  }
}
