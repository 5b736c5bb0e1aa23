/** The compiler thread: reads the settings file, and compiles rule files to a snapshot. */
import { randomInt } from 'node:crypto'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parentPort } from 'node:worker_threads'
import { epochSeconds, systemClock } from '../../base/time/clock.js'
import { failure, type InterdictError } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Milliseconds } from '../../base/units.js'
import { loadConfig, settingsPath } from '../config/load.js'
import { compile } from '../../policy/compile/compile.js'
import { compare } from '../../policy/compile/compare.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import { NETWORKS_FILE } from '../../policy/rules/model/folder.js'
import type { RuleSet } from '../../policy/rules/model/types.js'
import { formerBans } from '../reload/former-bans.js'
import { HistoryWriter } from '../../sources/history/history-writer.js'
import { packRules } from './described-rules.js'
import { ListCompiler } from './list-compiler.js'
import { listRulePaths, readRules, type RulesReadResult } from './read-rules.js'
import { ReplacedSnapshots, COLLECT_DELAY } from '../../policy/tables/replaced-snapshots.js'
import { VersionContents } from '../reload/version-contents.js'
import { isUnchanged, readWatchState, type WatchState } from './watch-state.js'
import { yieldToWorkers } from './yield-to-workers.js'
import { afterJournals, applyZoneJournals, type JournalUpdate } from './zone-journals.js'
import type {
  FromCompiler,
  ListCompiled,
  RecordRequest,
  RecordResult,
  ToCompiler
} from './compiler-messages.js'
import { serializeError } from '../../base/errors/serialized-error.js'
import { startNestedThread } from '../../base/threads/thread.js'

/** Attempts to read files that change while being read, and the pause between two. */
const MAX_ATTEMPTS = 5
const RETRY_PAUSE: Milliseconds = 50

type Request = Extract<ToCompiler, { readonly kind: 'compile' }>

let active: Snapshot | undefined
let writer: HistoryWriter | undefined
const contents = new VersionContents()
const replaced = new ReplacedSnapshots(COLLECT_DELAY.compiler)
const port = parentPort!
const lists = new ListCompiler(startNestedThread, () => {
  port.postMessage({ kind: 'list compiled' } satisfies ListCompiled)
})

port.on('message', (message: ToCompiler) => {
  if (message.kind === 'record') {
    void record(message).then(result => port.postMessage(result))
    return
  }
  void handle(message).then(result => port.postMessage(result))
})

async function handle(
  message: Exclude<ToCompiler, { readonly kind: 'record' }>
): Promise<FromCompiler> {
  try {
    return message.kind === 'settings'
      ? await readSettings(message.file)
      : await compileRules(message)
  } catch (error) {
    return rejected([error])
  }
}

/** A result without any file read, or none that a retry could change. */
function rejected(errors: readonly unknown[]): FromCompiler {
  const none = { watchState: undefined, isTransient: false }
  return { kind: 'rejected', errors: errors.map(serializeError), ...none }
}

/** Reads the settings until the file does not change meanwhile: it may be half-written. */
async function readSettings(file: string | undefined): Promise<FromCompiler> {
  for (let attempts = 1; ; attempts++) {
    const path = resolve(settingsPath(file))
    const watchState = await readWatchState([path])
    const result = await loadConfig(file)
    const isStable = isUnchanged(watchState, await readWatchState([path]))
    if (isStable || attempts === MAX_ATTEMPTS) {
      const read = { kind: 'settings', file: result.file, watchState } as const
      if (result.ok) return { ...read, config: result.config, errors: [] }
      return { ...read, config: undefined, errors: result.errors.map(serializeError) }
    }
    await sleep(RETRY_PAUSE)
  }
}

async function compileRules(request: Request): Promise<FromCompiler> {
  const started = performance.now()
  if (request.isFirst) active = undefined
  active ??= request.active
  const isFull = request.isFull || request.isForced || lists.hasJobs || !hasSamePauses(request)
  const updated = isFull ? undefined : await applyJournals(request)
  if (updated !== undefined) {
    const states = afterJournals(request.lists, active!, updated)
    if (updated.snapshot !== undefined) adopt(updated.snapshot)
    return { kind: 'updated', ...updated, lists: states, duration: performance.now() - started }
  }
  if (active !== undefined) yieldToWorkers()
  lists.begin(active, request.lists, request.isFull)
  const { loaded, source, bundleErrors, watchState, isChanging, ...read } =
    await readStable(request)
  const isTransient = read.isTransient || lists.isTransient
  const errors = isChanging ? [failure('GATEWAY_RESTLESS')] : loaded.ok ? [] : loaded.errors
  if (errors.length > 0 || !loaded.ok) {
    return { kind: 'rejected', errors: errors.map(serializeError), watchState, isTransient }
  }
  // There may be many, and only downloaded lists need them.
  const networks = loaded.remotes.length === 0 ? [] : loaded.rules.networks
  const prefixesByNetwork = new Map(networks.map(({ id, prefixes }) => [id, prefixes]))
  const { logWarnings, ...compiled } = compileIfChanged(loaded.rules, request)
  if (source !== undefined) contents.add(source, loaded, request.listSize)
  lists.end(loaded.listStates)
  return {
    kind: 'compiled',
    ...compiled,
    warnings: [...loaded.warnings, ...logWarnings].map(serializeError),
    bundleErrors: bundleErrors.map(serializeError),
    listErrors: loaded.listErrors.map(serializeError),
    lists: loaded.listStates,
    pendingLists: lists.pending,
    remoteLists: { lists: loaded.remotes, prefixesByNetwork },
    zones: loaded.transfers,
    described: request.describe ? packRules(loaded, request.sampled) : undefined,
    watchState,
    duration: performance.now() - started,
    isTransient
  }
}

/** Appends to the history. The disk may be slow, so nothing else waits for it. */
async function record(request: RecordRequest): Promise<RecordResult> {
  const { folder, copiesFolder, listSize, event } = request
  if (writer?.path !== folder) writer = new HistoryWriter(folder)
  try {
    if (!('sha256' in event))
      return { kind: 'recorded', missing: [], path: await writer.end(event) }
    const content = contents.of(event.files, copiesFolder, listSize)
    const { missing, path } = await writer.record(event, content)
    const rules = contents.rulesOf(event.files)
    const lacks = missing.filter(name => rules?.includes(name) ?? name === NETWORKS_FILE)
    return { kind: 'recorded', missing: lacks, path }
  } catch (error) {
    const failed = failure('HISTORY_WRITE', folder, reasonOf(error, folder))
    return { kind: 'not recorded', error: serializeError(failed) }
  }
}

async function applyJournals(request: Request): Promise<JournalUpdate | undefined> {
  const { copiesFolder } = request.location
  return active && applyZoneJournals(active, { ...request, copiesFolder })
}

interface StableReadResult extends RulesReadResult {
  /** The state of the files just before they were read. */
  readonly watchState: WatchState
  /** Whether files were still changing at the last attempt. */
  readonly isChanging: boolean
}

/**
 * Reads the rules until no file changes while they are read: a mix of old and new files, or a
 * half-written file, must never become active.
 */
async function readStable({ location, watchedPaths }: Request): Promise<StableReadResult> {
  let before = await readWatchState([...watchedPaths, ...(await listRulePaths(location))])
  for (let attempts = 1; ; attempts++) {
    lists.beginAttempt()
    const result = await readRules(location, systemClock, lists)
    const { files, written } = result
    before = new Map([...before, ...(await readWatchState(written))])
    const after = await readWatchState(files)
    const watchState = new Map(files.map(file => [file, before.get(file) ?? '']))
    const isChanging = !isUnchanged(before, after)
    if (!isChanging || attempts === MAX_ATTEMPTS) return { ...result, watchState, isChanging }
    before = after
    await sleep(RETRY_PAUSE)
  }
}

function compileIfChanged(
  ruleSet: RuleSet,
  request: Request
): Pick<Extract<FromCompiler, { readonly kind: 'compiled' }>, 'snapshot' | 'changes'> & {
  readonly logWarnings: readonly InterdictError[]
} {
  // A new bundle with the same rules counts as a change, since log records carry its serial.
  const { generation, localNames: specialUse, pauses, bannedNames } = request
  const now = epochSeconds(systemClock)
  const isSame =
    ruleSet.sha256 === active?.origin.sha256 &&
    ruleSet.bundle?.serial === active.origin.bundle?.serial &&
    hasSamePauses(request)
  if (isSame && !request.isForced)
    return { snapshot: undefined, changes: undefined, logWarnings: [] }
  // Try the active seed first, so that hashes cached by workers stay valid over the reload; use another
  // one only if too many names collide under it.
  const seeds = active === undefined ? [] : [active.names.seed >>> 0]
  const random = (): number => seeds.pop() ?? randomInt(2 ** 32)
  const former = bannedNames === undefined ? undefined : formerBans(bannedNames, ruleSet, now)
  const logged = { formerBans: former?.sources }
  const snapshot = compile(ruleSet, { generation, random, specialUse, pauses, ...logged })
  const changes = active === undefined ? undefined : compare(active, snapshot)
  const unsaved = former?.save()
  adopt(snapshot)
  const logWarnings = [...(former?.problems ?? []), ...(unsaved === undefined ? [] : [unsaved])]
  return { snapshot, changes, logWarnings }
}

/** The clock ends a pause, without a new snapshot. */
function hasSamePauses({ pauses }: Request): boolean {
  return JSON.stringify(pauses) === JSON.stringify(active?.origin.pauses ?? [])
}

function adopt(snapshot: Snapshot): void {
  active = snapshot
  replaced.setCurrent(snapshot)
}
