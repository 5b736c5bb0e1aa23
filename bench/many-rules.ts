/**
 * What very many networks, and very many app files, cost: `npm run bench:rules`. CPU time of reading and
 * compiling the rules in a process of its own, the most memory that the process had, and the CPU time that
 * each worker needs to take the compiled rules from a message and to evaluate by them, when it answers nothing.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
import type { Milliseconds } from '../src/base/units.js'
import { compile } from '../src/policy/compile/compile.js'
import { Policy } from '../src/policy/evaluate/policy.js'
import type { Snapshot } from '../src/policy/tables/snapshot.js'
import { loadRules } from '../src/policy/rules/load.js'
import { table } from './kit/markdown.js'
import { PACKAGE } from './kit/place.js'

const SELF = fileURLToPath(import.meta.url)

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '3' },
    /** Compile the rules in this folder once, and print what it took. */
    folder: { type: 'string' }
  }
})

/** Sets of rules: what is written, and what writes it into a folder. */
const KINDS = [
  { what: 'networks, each with a ban of an app', write: writeNetworks(networkWithApp) },
  { what: 'networks, each with two bans', write: writeNetworks(networkWithTwo) },
  { what: 'app files, all of them banned', write: writeApps }
]

if (values.folder !== undefined) process.stdout.write(await measure(values.folder))
else printTable(Number(values.count), Number(values.rounds))

function printTable(count: number, rounds: number): void {
  const rows = KINDS.map(({ what, write }) => {
    const folder = mkdtempSync(join(tmpdir(), 'interdict-bench-'))
    try {
      mkdirSync(join(folder, 'apps'))
      write(folder, count)
      const times = Array.from({ length: rounds }, () =>
        execFileSync(process.execPath, [SELF, '--folder', folder], { encoding: 'utf8' })
      )
      const best = times.map(line => line.split(' ').map(Number)).sort((a, b) => a[0]! - b[0]!)[0]!
      const [seconds, memory, receipt] = best
      return [`${count} ${what}`, seconds!.toFixed(2), memory!.toFixed(0), receipt!.toFixed(0)]
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
  process.stdout.write(table(['rules', 'CPU time, s', 'memory, MB', 'receipt, ms'], rows))
}

async function measure(folder: string): Promise<string> {
  const started = cpuTime()
  const loaded = await loadRules(folder)
  if (!loaded.ok) throw loaded.errors[0]!
  const snapshot = compile(loaded.rules, { generation: 1, random: () => 1 })
  const seconds = (cpuTime() - started) / 1000
  const memory = process.resourceUsage().maxRSS / 1024
  const { port1, port2 } = new MessageChannel()
  port1.postMessage(snapshot)
  const sent = cpuTime()
  const { message } = receiveMessageOnPort(port2) as { message: Snapshot }
  new Policy(message).epochAt(0)
  const receipt = cpuTime() - sent
  port1.close()
  return `${seconds} ${memory} ${receipt}`
}

/** Of this process. */
function cpuTime(): Milliseconds {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

function writeNetworks(networkOf: (number: number) => string) {
  return (folder: string, count: number): void => {
    cpSync(join(PACKAGE, 'rules/apps/tiktok.yaml'), join(folder, 'apps/tiktok.yaml'))
    const all = Array.from({ length: count }, (_, number) => networkOf(number))
    writeFileSync(join(folder, 'networks.yaml'), `networks:\n${all.join('')}`)
  }
}

function networkWithApp(number: number): string {
  return `  site-${number}:
    prefixes: [${addressOf(number)}/28]
    bans:
      - apps: [tiktok]
        authority: Some Office
        reference: Order ${number}
`
}

function networkWithTwo(number: number): string {
  return `${networkWithApp(number)}      - names: [site-${number}.example]
        authority: Some Office
        reference: Order of the site
        from: 2026-01-01
`
}

/** Sixteen addresses each. */
function addressOf(number: number): string {
  return ['10', number >> 12, (number >> 4) & 255, (number & 15) << 4].join('.')
}

function writeApps(folder: string, count: number): void {
  const ids = Array.from({ length: count }, (_, number) => `app-${number}`)
  for (const id of ids) {
    const text = `app: ${id}\ntitle: App ${id}\nvendor: V\nnames:\n  - ${id}.example\n`
    writeFileSync(join(folder, `apps/${id}.yaml`), text)
  }
  const rule = 'authority: Some Office, reference: Order 1'
  const text = `networks:\n  all:\n    prefixes: [10.0.0.0/8]\n    bans: [{ vendors: [V], ${rule} }]\n`
  writeFileSync(join(folder, 'networks.yaml'), text)
}
