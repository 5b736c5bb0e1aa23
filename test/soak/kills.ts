/**
 * Kills the packed gateway (SIGKILL) many times under load, each query with a name of its own, and
 * holds the query log to the answers that the client got: `npm run test:kills -- 50`.
 *
 * Exit code 1 when a lookup answered more than a second before a kill is not in the log, or one is
 * in it twice.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { openDatabase } from '../../src/lookups/archive/database.js'
import { closedFiles, LogLayout } from '../../src/lookups/files/log-layout.js'

const ROUNDS = Number(process.argv[2] ?? 5)
const PORT = 5399
const PROGRAM = 'dist/bundle/bin/interdict.js'
const NXDOMAIN = 3
/** What may be missing before a kill, in milliseconds. */
const ALLOWED = 1000

const folder = mkdtempSync(join(tmpdir(), 'interdict-kills-'))
const settings = join(folder, 'interdict.yaml')
mkdirSync(join(folder, 'rules/apps'), { recursive: true })
writeFileSync(
  join(folder, 'rules/apps/game.yaml'),
  'app: game\ntitle: Game\nkind: app\nnames: [game.example]\n'
)
writeFileSync(
  join(folder, 'rules/networks.yaml'),
  'networks: {lab: {prefixes: [127.0.0.0/8], bans: [{apps: [game], authority: us, reference: one, from: 2020-01-01}]}}\n'
)
writeFileSync(
  settings,
  `listen: [127.0.0.1:${PORT}]\nupstreams: {servers: [127.0.0.1:9]}\nlog: {queries: {rotate: {size: 1MB}}}\n`
)

const socket = createSocket('udp4')
/** When each name was answered. */
const answered = new Map<string, number>()
socket.on('message', octets => {
  const name = octets.subarray(13, 13 + (octets[12] ?? 0)).toString('latin1')
  if ((octets.readUInt8(3) & 0xf) === NXDOMAIN) answered.set(name, Date.now())
})
// Nobody is there for a moment after each kill.
socket.on('error', () => undefined)
let sent = 0

function ask(): void {
  const label = `q${sent++}`
  const head = Buffer.from([sent >> 8, sent, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0].map(n => n & 0xff))
  const name = Buffer.from(
    `${String.fromCharCode(label.length)}${label}\u0004game\u0007example\0`,
    'latin1'
  )
  socket.send(Buffer.concat([head, name, Buffer.from([0, 1, 0, 1])]), PORT, '127.0.0.1')
}

const serve = (): ChildProcess =>
  spawn(process.execPath, [PROGRAM, 'serve', '-c', settings], { stdio: 'ignore' })

async function end(gateway: ChildProcess, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  const exit = once(gateway, 'exit')
  gateway.kill(signal)
  await exit
}

const kills: number[] = []
for (let round = 0; round < ROUNDS; round++) {
  const gateway = serve()
  const known = answered.size
  for (let i = 0; i < 300 && answered.size === known; i++) {
    ask()
    await after(50)
  }
  const until = Date.now() + 1500 + Math.random() * 2500
  while (Date.now() < until) {
    for (let i = 0; i < 20; i++) ask()
    await after(5)
  }
  await end(gateway, 'SIGKILL')
  // Answers of before are heard by then.
  await after(50)
  kills.push(Date.now())
}
// What the last kill left is looked after by the next start.
const last = serve()
const log = join(folder, 'log')
const names = new LogLayout(join(log, 'queries.jsonl'))
for (let i = 0; i < 120 && closedFiles(names).length > 0; i++) await after(500)
await end(last, 'SIGTERM')

const database = await openDatabase({ memory: 256 * 1024 * 1024, threads: 1 })
const files = await database.openLog(join(log, 'queries.jsonl'))
const rows = await database.rows<{ qname: string; n: number }>(
  'SELECT qname, count(*) AS n FROM lookups GROUP BY qname'
)
const logged = new Map(rows.map(({ qname, n }) => [qname.split('.')[0]!, n]))
const lateness = [...answered].flatMap(([name, at]) =>
  logged.has(name) ? [] : [(kills.find(kill => kill >= at) ?? Infinity) - at]
)
const lost = lateness.filter(ms => ms > ALLOWED).length
const twice = [...logged.values()].filter(n => n > 1).length
const missing = { missing: lateness.length, oldestMs: Math.max(0, ...lateness) }
const counts = { rounds: kills.length, sent, answered: answered.size, logged: logged.size }
process.stdout.write(`${JSON.stringify({ ...counts, ...missing, lost, twice, files })}\n`)
database.close()
socket.close()
rmSync(folder, { recursive: true, force: true })
process.exitCode = lost > 0 || twice > 0 || answered.size === 0 ? 1 : 0
