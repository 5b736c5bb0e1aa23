/**
 * How soon a change of a binding is in force: `npm run bench:bindings`. Each change gives an address to another device, in a file of
 * JSON lines; it is in force when a worker would find the device as another client. Then a million simulated lookups: see
 * `test/policy/bindings/simulation.ts`.
 */
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { systemClock } from '../src/base/time/clock.js'
import { addressWords, readAddress } from '../src/base/values/address.js'
import { BindingsService } from '../src/gateway/bindings/bindings-service.js'
import { readConfig } from '../src/gateway/config/load-settings.js'
import { allocateDeviceTable, DeviceTableReader } from '../src/policy/bindings/device-table.js'
import { simulate } from '../test/policy/bindings/simulation.js'
import { addressOf, bindingLine, bindingLines } from './kit/binding-lines.js'
import { table } from './kit/markdown.js'
import { policyIn } from './micro/stage.js'

const { values } = parseArgs({
  options: {
    bindings: { type: 'string', default: '100000' },
    rate: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '60' },
    moves: { type: 'string', default: '10000' },
    lookups: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' }
  }
})
const [bindings, rate, seconds] = [values.bindings, values.rate, values.seconds].map(Number) as [
  number,
  number,
  number
]
/** As the thread of a gateway: see `bindings-main.ts`. */
const TICK = 200
const STEP = 50
const RULES = `
networks: { local: { prefixes: [10.0.0.0/8] } }
clients: { d: { network: local, group: g } }
`
const say = (text: string): boolean => process.stdout.write(`${text}\n`)

interface Change {
  readonly address: string
  readonly mac: string
  readonly at: number
}

async function measureChanges(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-bench-'))
  try {
    const file = join(folder, 'nac.jsonl')
    const feeds = '[{ name: nac, type: json, file: nac.jsonl }]'
    const text = `bindings: { skew: 0s, feeds: ${feeds} }`
    const read = readConfig(text, join(folder, 'interdict.yaml'))
    if (!read.ok) throw new Error(read.errors.map(({ message }) => message).join('; '))
    const { config } = read
    writeFileSync(file, bindingLines(bindings, '10.', Date.now()))
    const { snapshot } = await policyIn(rules => writeFile(join(rules, 'networks.yaml'), RULES))
    const devices = allocateDeviceTable(config.bindings.limit)
    const { privacy } = config.log.queries
    const init = { config: config.bindings, devices, clients: snapshot.clients, folder, privacy }
    const service = new BindingsService(init, systemClock, console)
    const [start, before] = [performance.now(), process.cpuUsage()]
    service.start()
    service.tick()
    const all = `${service.state.bindings} bindings`
    say(
      `${all} read in ${((performance.now() - start) / 1000).toFixed(1)} s, ${cpuSince(before)} s of CPU`
    )
    const { delays, cpu } = await changeFor(service, new DeviceTableReader(devices), file)
    service.close()
    const at = (share: number): string => delays[Math.ceil(share * delays.length) - 1]!.toFixed(0)
    const head = ['changes', 'p50, ms', 'p99, ms', 'max, ms', 'CPU of a core']
    say(table(head, [[`${delays.length}`, at(0.5), at(0.99), at(1), cpu]]))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function cpuSince(before: NodeJS.CpuUsage): string {
  const { user, system } = process.cpuUsage(before)
  return ((user + system) / 1e6).toFixed(1)
}

/** @returns how long each change took until it was in force, in milliseconds, the shortest first; and the share of a core */
async function changeFor(
  service: BindingsService,
  reader: DeviceTableReader,
  file: string
): Promise<{ readonly delays: readonly number[]; readonly cpu: string }> {
  const delays: number[] = []
  let pending: Change[] = []
  const isInForce = ({ address, mac }: Change): boolean =>
    reader.find(addressWords(readAddress(address)), 0, Math.floor(Date.now() / 1000)) &&
    Buffer.from(reader.text).toString() === mac
  const before = process.cpuUsage()
  const start = performance.now()
  let made = 0
  let tickAt = start
  while (made < rate * seconds || (pending.length > 0 && performance.now() < tickAt + 10_000)) {
    const due = Math.min(rate * seconds, Math.floor(((performance.now() - start) / 1000) * rate))
    const lines: string[] = []
    for (; made < due; made++) {
      const address = addressOf('10.', made % bindings)
      const line = bindingLine(address, bindings + made, Date.now())
      lines.push(line)
      const { mac } = JSON.parse(line) as { readonly mac: string }
      pending.push({ address, mac, at: performance.now() })
    }
    if (lines.length > 0) appendFileSync(file, lines.join(''))
    if (performance.now() >= tickAt) {
      tickAt += TICK
      service.tick()
      const now = performance.now()
      const left = pending.filter(one => !isInForce(one))
      for (const { at } of pending.filter(one => !left.includes(one))) delays.push(now - at)
      pending = left
    }
    await sleep(STEP)
  }
  const { user, system } = process.cpuUsage(before)
  const cpu = `${((user + system) / 10 / (performance.now() - start)).toFixed(1)}%`
  if (pending.length > 0) throw new Error(`${pending.length} changes are not in force`)
  return { delays: delays.toSorted((a, b) => a - b), cpu }
}

await measureChanges()
const found = simulate(Number(values.seed), 500, Number(values.moves), Number(values.lookups))
const kinds = [
  ['as they are asked', found.live],
  ['in the history, later', found.later]
] as const
const rows = kinds.map(([name, { right, wrong, unknown }]) => [
  ...[name, `${right}`, `${unknown}`, `${wrong}`]
])
say(table([`lookups, ${found.moves} moved leases`, 'right', 'unknown', 'wrong'], rows))
process.exitCode = found.live.wrong + found.later.wrong === 0 ? 0 : 1
