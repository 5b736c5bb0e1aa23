/** The compiler thread: the settings file in, settings out; rule files in, snapshot out. */
import { randomInt } from 'node:crypto'
import { constants, setPriority } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { parentPort } from 'node:worker_threads'
import { systemClock } from '../../base/clock.js'
import { failure } from '../../base/error.js'
import type { Milliseconds } from '../../base/units.js'
import { loadConfig } from '../../config/load.js'
import { compile } from '../../policy/compile/compile.js'
import { compare } from '../../policy/diff/compare.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import type { RuleSet } from '../../rules/model/types.js'
import { listRulePaths, readRules, type RulesReadResult } from '../reload/read-rules.js'
import { ReplacedSnapshots, COLLECT_DELAY } from '../reload/replaced-snapshots.js'
import { isUnchanged, readWatchState, type WatchState } from '../reload/watch-state.js'
import { applyZoneJournals } from '../reload/zone-journals.js'
import type { FromCompiler, ToCompiler } from './messages.js'
import { serializeError } from './serialized-error.js'

/** How often files that change while they are read are read again, and after what pause. */
const TRIES = 5
const PAUSE: Milliseconds = 50

type Order = Extract<ToCompiler, { readonly kind: 'compile' }>

let inForce: Snapshot | undefined
const retired = new ReplacedSnapshots(COLLECT_DELAY.compiler)

parentPort!.on('message', (message: ToCompiler) => {
  void obey(message).then(result => parentPort!.postMessage(result))
})

async function obey(message: ToCompiler): Promise<FromCompiler> {
  try {
    return message.kind === 'settings' ? await settings(message.file) : await rules(message)
  } catch (error) {
    return { kind: 'refused', errors: [serializeError(error)], marks: undefined, passing: false }
  }
}

async function settings(file: string | undefined): Promise<FromCompiler> {
  const read = await loadConfig(file)
  if (read.ok) return { kind: 'settings', config: read.config }
  return {
    kind: 'refused',
    errors: read.errors.map(serializeError),
    marks: undefined,
    passing: false
  }
}

async function rules(order: Order): Promise<FromCompiler> {
  const started = performance.now()
  inForce ??= order.active
  const amended = order.isFull
    ? undefined
    : inForce &&
      (await applyZoneJournals(inForce, { ...order, copiesFolder: order.location.copiesFolder }))
  if (amended !== undefined) {
    if (amended.snapshot !== undefined) adopt(amended.snapshot)
    return { kind: 'amended', ...amended, took: performance.now() - started }
  }
  if (inForce !== undefined) yieldToWorkers()
  const { loaded, bundleErrors: refused, isTransient: passing, marks, restless } = await read(order)
  const errors = restless ? [failure('GATEWAY_RESTLESS')] : loaded.ok ? [] : loaded.errors
  if (errors.length > 0 || !loaded.ok) {
    return { kind: 'refused', errors: errors.map(serializeError), marks, passing }
  }
  const made = make(loaded.rules, order)
  const warnings = loaded.warnings.map(serializeError)
  const { remotes: lists, transfers: zones } = loaded
  const prefixesByNetwork = new Map(loaded.rules.networks.map(({ id, prefixes }) => [id, prefixes]))
  const fetched = { lists, prefixesByNetwork }
  const took = performance.now() - started
  const others = { refused: refused.map(serializeError), fetched, zones, marks, took, passing }
  return { kind: 'compiled', ...made, warnings, ...others }
}

/**
 * Nobody waits for a reload, but on a machine with no core to spare every query waits for a thread
 * that computes for a second. On Linux the priority set is that of the calling thread alone
 * (setpriority(2), "C library/kernel differences"); elsewhere it would be the process's.
 */
function yieldToWorkers(): void {
  if (process.platform === 'linux') setPriority(0, constants.priority.PRIORITY_LOW)
}

/** What was read, and how everything looked before it was. */
interface Reading extends RulesReadResult {
  readonly marks: WatchState
  readonly restless: boolean
}

/**
 * Reads the rules until nothing in them changed meanwhile: files of which some are old and some are
 * new, or one of which half is written, are nobody's rules.
 */
async function read({ location: place, watchedPaths: known }: Order): Promise<Reading> {
  let before = await readWatchState([...known, ...(await listRulePaths(place))])
  for (let tries = 1; ; tries++) {
    const reading = await readRules(place, systemClock)
    const { files, written } = reading
    before = new Map([...before, ...(await readWatchState(written))])
    const after = await readWatchState(files)
    const marks = new Map(files.map(file => [file, before.get(file) ?? '']))
    const restless = !isUnchanged(before, after)
    if (!restless || tries === TRIES) return { ...reading, marks, restless }
    before = after
    await sleep(PAUSE)
  }
}

function make(
  ruleSet: RuleSet,
  { generation, localNames: local }: Order
): Pick<Extract<FromCompiler, { readonly kind: 'compiled' }>, 'snapshot' | 'changes'> {
  // A bundle may say the same as the one before: its serial is in every record.
  const isSame =
    ruleSet.sha256 === inForce?.origin.sha256 &&
    ruleSet.bundle?.serial === inForce.origin.bundle?.serial
  if (isSame) return { snapshot: undefined, changes: undefined }
  // The seed in force first, so that hashes which workers keep stay good over the reload; another
  // one only if names crowd under it.
  const seeds = inForce === undefined ? [] : [inForce.names.seed >>> 0]
  const random = (): number => seeds.pop() ?? randomInt(2 ** 32)
  const snapshot = compile(ruleSet, { generation, random, specialUse: local })
  const changes = inForce === undefined ? undefined : compare(inForce, snapshot)
  adopt(snapshot)
  return { snapshot, changes }
}

function adopt(snapshot: Snapshot): void {
  inForce = snapshot
  retired.setCurrent(snapshot)
}
