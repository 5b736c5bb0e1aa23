/**
 * Memory of a gateway by workers and names of a list: `npm run bench:memory`. Peak of the start, memory after it, and
 * peak of a reload after one name was added, each in MB of resident memory. With `--cgroup`, as root on Linux with
 * cgroups of version 1 or 2, each is repeated with limits: half of the reload's peak, and between start and reload.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { appendFileSync, createWriteStream, existsSync, mkdirSync, mkdtempSync } from 'node:fs'
import { readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { table } from './kit/markdown.js'

const { values } = parseArgs({
  options: {
    workers: { type: 'string', default: '1,2' },
    names: { type: 'string', default: '100000,1000000,5000000' },
    cgroup: { type: 'boolean', default: false }
  }
})
const PROGRAM = resolve('dist/bundle/bin/interdict.js')
const MB = 1024 * 1024
const TIMEOUT = 300_000

/** A cgroup with a limit of memory. */
class MemoryGroup {
  private readonly path: string

  constructor(limit: number) {
    const first = existsSync('/sys/fs/cgroup/memory')
    this.path = join(first ? '/sys/fs/cgroup/memory' : '/sys/fs/cgroup', `bench-${process.pid}`)
    mkdirSync(this.path)
    const file = first ? 'memory.limit_in_bytes' : 'memory.max'
    writeFileSync(join(this.path, file), String(limit * MB))
  }

  get processes(): string {
    return join(this.path, 'cgroup.procs')
  }

  /** The kernel may need a moment after the last process has ended. */
  async remove(): Promise<void> {
    for (let i = 0; i < 50; i++) {
      try {
        rmdirSync(this.path)
        return
      } catch {
        await sleep(100)
      }
    }
  }
}

interface Peaks {
  readonly start: number
  readonly idle: number
  readonly reload: number
  /** How the reload ended, or the gateway. */
  readonly result: string
}

const numbers = (text: string): number[] => text.split(',').map(Number)
const rows: string[][] = []
for (const names of numbers(values.names)) {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-bench-'))
  try {
    await writeSite(folder, names)
    for (const workers of numbers(values.workers)) {
      writeSettings(folder, workers)
      const { start, idle, reload, result } = await measure(folder, undefined)
      const row = [names, workers, start, idle, reload].map(String)
      if (!values.cgroup) rows.push([...row, result])
      else {
        const limits = [Math.round(reload / 2), Math.round((idle + reload) / 2)]
        const results: string[] = []
        for (const limit of limits)
          results.push(String(limit), (await measure(folder, limit)).result)
        rows.push([...row, result, ...results])
      }
      process.stderr.write(`${rows.at(-1)!.join(' | ')}\n`)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
const LIMITED = ['half', 'with it', 'between', 'with it']
const head = ['names', 'workers', 'start, peak', 'after it', 'reload, peak', 'result']
process.stdout.write(table(values.cgroup ? [...head, ...LIMITED] : head, rows))

async function writeSite(folder: string, names: number): Promise<void> {
  mkdirSync(join(folder, 'rules'))
  writeFileSync(
    join(folder, 'rules/networks.yaml'),
    'lists:\n  big: { file: big.txt }\nnetworks:\n  all: { prefixes: [127.0.0.0/8], block: [{ lists: [big] }] }\n'
  )
  const list = createWriteStream(join(folder, 'rules/big.txt'))
  for (let i = 0; i < names; i++) {
    if (!list.write(`host${i}.list${i % 5000}.net\n`)) await once(list, 'drain')
  }
  list.end()
  await once(list, 'finish')
}

function writeSettings(folder: string, workers: number): void {
  const upstreams = 'upstreams: { servers: [], use-resolv-conf: false }'
  const text = `listen: ['127.0.0.1:0']\nworkers: ${workers}\n${upstreams}\nlog: { queries: { which: none } }\n`
  writeFileSync(join(folder, 'interdict.yaml'), text)
}

/** @param limit of its cgroup, in MB; undefined: none */
async function measure(folder: string, limit: number | undefined): Promise<Peaks> {
  rmSync(join(folder, 'state'), { recursive: true, force: true })
  const group = limit === undefined ? undefined : new MemoryGroup(limit)
  const command = `exec '${process.execPath}' '${PROGRAM}' serve -c interdict.yaml`
  const enter = group === undefined ? '' : `echo $$ > ${group.processes} && `
  const gateway = spawn('sh', ['-c', enter + command], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe']
  })
  let log = ''
  gateway.stderr.setEncoding('utf8').on('data', (text: string) => (log += text))
  try {
    const started = await outcome(gateway, () => log, /"msg":"serving"|\([A-Z_]+\)\n/, 0)
    if (!started.includes('serving')) return { start: 0, idle: 0, reload: 0, result: started }
    await sleep(1000)
    const start = statusOf(gateway, 'VmHWM')
    const idle = statusOf(gateway, 'VmRSS')
    if (idle > 0) writeFileSync(`/proc/${gateway.pid}/clear_refs`, '5')
    const from = log.length
    appendFileSync(`${folder}/rules/big.txt`, `added${Date.now()}.list7.net\n`)
    const pattern = /"msg":"rules reloaded"|"code":"[A-Z_]+".*"msg":".*\n/
    const result = await outcome(gateway, () => log, pattern, from)
    await sleep(1000)
    const reload = gateway.exitCode === null ? statusOf(gateway, 'VmHWM') : 0
    return { start, idle, reload, result }
  } finally {
    gateway.kill('SIGKILL')
    if (gateway.exitCode === null && gateway.signalCode === null) await once(gateway, 'exit')
    await group?.remove()
  }
}

/** What the log says, or how the gateway ended. */
async function outcome(
  gateway: ChildProcess,
  log: () => string,
  pattern: RegExp,
  from: number
): Promise<string> {
  for (let waited = 0; waited < TIMEOUT; waited += 20) {
    const found = pattern.exec(log().slice(from))
    if (found !== null) return found[0].replaceAll('"', '').trim()
    if (gateway.signalCode !== null) return `killed: ${gateway.signalCode}`
    if (gateway.exitCode !== null)
      return `exit ${gateway.exitCode}: ${log().trim().split('\n').at(-1)}`
    await sleep(20)
  }
  return 'nothing within five minutes'
}

function statusOf({ pid }: ChildProcess, key: string): number {
  const file = `/proc/${pid}/status`
  // The kernel may have ended it meanwhile.
  const status = existsSync(file) ? readFileSync(file, 'utf8') : `${key}: 0`
  return Math.round(Number(new RegExp(`${key}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024)
}
