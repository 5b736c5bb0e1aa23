/** The compiler thread: reads the settings file, and compiles rule files to a snapshot. */
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parentPort } from 'node:worker_threads'
import { availableMemory } from '../../base/system/available-memory.js'
import { epochSeconds, systemClock } from '../../base/time/clock.js'
import { failure, InterdictError } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Milliseconds } from '../../base/units.js'
import { loadConfig, settingsPath } from '../config/load-settings.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import { NETWORKS_FILE } from '../../policy/rules/model/folder.js'
import { HistoryWriter } from '../../policy/history/history-writer.js'
import { orderedFacts } from '../../analysis/enforcement/ordered-facts.js'
import type { Mandate } from '../../policy/rules/mandates/mandate.js'
import { mandateOrders } from '../../policy/rules/mandates/mandate-orders.js'
import { loadRules } from '../../policy/rules/load.js'
import { droppedMandates, readMandates } from '../../sources/mandates/read-mandates.js'
import { AppliedRules } from './applied-rules.js'
import { MemoryBudget } from '../../policy/compile/memory-budget.js'
import { packRules } from './packed-rules.js'
import { lastGoodRules, lastPauses } from './last-good-rules.js'
import { ListCompiler } from './list-compiler.js'
import { MandateGate } from '../../sources/mandates/mandate-gate.js'
import { testRules } from './policy-test-gate.js'
import { listRulePaths, readRules, type RulesReadResult } from './read-rules.js'
import { ReplacedSnapshots, COLLECT_DELAY } from '../../policy/tables/replaced-snapshots.js'
import { VersionContents } from './version-contents.js'
import {
  hasSamePauses,
  RulesExaminer,
  type ExaminedRules,
  type LoadedRules
} from './rules-examiner.js'
import type { RulesLocation } from './rules-location.js'
import { readSavedRules, readSavedStable } from './saved-rules.js'
import { readActiveTests, readFolderTests, type ReadTests } from './test-files.js'
import {
  isUnchanged,
  MAX_ATTEMPTS,
  readWatchState,
  RETRY_PAUSE,
  type WatchState
} from './watch-state.js'
import { RELOAD_PRIORITY, yieldToWorkers } from './yield-to-workers.js'
import { unremovableLists, withActiveParts } from './expire-indicators.js'
import { afterJournals, applyZoneJournals } from './zone-journals.js'
import type {
  FromCompiler,
  ListCompiled,
  RecordRequest,
  RecordResult,
  RuleSources,
  ToCompiler,
  PrepareRequest
} from './compiler-messages.js'
import { serializeError } from '../../base/errors/serialized-error.js'
import { startNestedThread } from '../../base/threads/thread.js'

/** Of lists. */
const NO_LISTS: ReadonlySet<string> = new Set()

type Request = Extract<ToCompiler, { readonly kind: 'compile' }>

let active: Snapshot | undefined
let writer: HistoryWriter | undefined
const contents = new VersionContents()
const replaced = new ReplacedSnapshots(COLLECT_DELAY.compiler)
const port = parentPort!
/** Tests set the variable, to a folder with `proc` and `sys`. */
const budget = new MemoryBudget(() => availableMemory(process.env.INTERDICT_MEMORY_ROOT))
const lists = new ListCompiler(
  startNestedThread,
  () => port.postMessage({ kind: 'list compiled' } satisfies ListCompiled),
  budget
)

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
    if (message.kind === 'settings') return await readSettings(message.file)
    if (message.kind === 'prepare') return await prepareRules(message)
    return await withSaved(await compileRules(message), message.location)
  } catch (error) {
    // What was read for rules that do not fit would only take more of it.
    if (error instanceof InterdictError && error.code === 'RULES_MEMORY') lists.cancelAll()
    return rejected([error])
  }
}

/** Adds to a result what is saved and waits to be applied. */
async function withSaved(
  result: FromCompiler,
  { saved, asnDatabase }: RulesLocation
): Promise<FromCompiler> {
  if (saved === undefined || (result.kind !== 'compiled' && result.kind !== 'rejected'))
    return result
  const { sha256, edition, errors, state } = await readSavedStable(saved, asnDatabase)
  const watchState = new Map([...(result.watchState ?? []), ...state])
  return { ...result, saved: { sha256, edition, errors: errors.map(serializeError) }, watchState }
}

/** Copies saved rules. The copy has the planned SHA-256, whatever happens to the files meanwhile. */
async function prepareRules({
  saved,
  applied,
  sha256: planned,
  asnDatabase
}: PrepareRequest): Promise<FromCompiler> {
  const found = await readSavedRules(saved, asnDatabase)
  const { sha256 } = found
  if (sha256 === undefined) return rejected(found.errors)
  if (planned !== undefined && planned !== sha256)
    return rejected([failure('APPLY_CHANGED', planned, sha256)])
  const copy = new AppliedRules(applied).prepare(saved, found.files)
  const copied = await readSavedRules(copy, asnDatabase)
  if (copied.edition !== found.edition)
    return rejected([failure('APPLY_CHANGED', sha256, copied.sha256 ?? 'being changed')])
  return { kind: 'prepared', sha256 }
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

async function compileRules(given: Request): Promise<FromCompiler> {
  const started = performance.now()
  const request = given.isFirst
    ? { ...given, pauses: await lastPauses(given.history, epochSeconds(systemClock)) }
    : given
  if (request.isFirst) active = undefined
  active ??= request.active
  const isFull =
    request.isFull || request.isForced || lists.hasJobs || !hasSamePauses(request, active)
  const unremovable =
    active === undefined
      ? NO_LISTS
      : unremovableLists(active, request.lists, epochSeconds(systemClock))
  const updated =
    isFull || unremovable.size > 0 ? undefined : await updateByJournals(request, started)
  if (updated !== undefined) return updated
  if (active !== undefined) yieldToWorkers(RELOAD_PRIORITY)
  lists.begin(active, request.lists, request.isFull, request.waitsForLists, unremovable)
  // The files are the same, and what they block is not.
  const forced = unremovable.size > 0 ? { ...request, isForced: true } : request
  const examiner = new RulesExaminer(forced, active, () => lists.pending, budget)
  const { watchState, ...read } = await readStable(request, examiner)
  const isTransient = read.isTransient || lists.isTransient
  const unkept = read.isChanging ? undefined : examiner.mandates?.keep()
  const chosen = await chooseRules(read, request, examiner)
  if ('errors' in chosen) {
    const errors = chosen.errors.map(serializeError)
    const mandates = await examiner.mandates?.judgeActive()
    const loaded = read.loaded.ok ? read.loaded : examiner.refused
    const sources = loaded && sourcesOf(loaded)
    return { kind: 'rejected', errors, mandates, sources, watchState, isTransient }
  }
  const ordered = examiner.mandates?.read.mandates ?? []
  const { mandates, ...result } = compiledRules(chosen, request, ordered)
  const { error: unsavedError, unsaved } = chosen.examined.mandates.save()
  const problems = [unkept, unsavedError].flatMap(error =>
    error === undefined ? [] : [serializeError(error)]
  )
  return {
    ...result,
    mandates: { ...mandates, problems: [...mandates.problems, ...problems] },
    unsavedBaseline: unsaved,
    watchState,
    duration: performance.now() - started,
    isTransient
  }
}

interface ChosenRules extends Pick<RulesReadResult, 'source'> {
  readonly loaded: LoadedRules
  readonly examined: ExaminedRules
  /** Why these are not the rules on offer. */
  readonly refusal: readonly InterdictError[]
}

/** The rules that are to become active: those that were read, or at the start the last good ones. */
async function chooseRules(
  { loaded, source, bundleErrors, isChanging, tests }: Omit<StableReadResult, 'watchState'>,
  request: Request,
  examiner: RulesExaminer
): Promise<ChosenRules | { readonly errors: readonly InterdictError[] }> {
  if (isChanging) return { errors: [failure('GATEWAY_RESTLESS')] }
  if (!loaded.ok) {
    const { errors } = loaded
    const isRefused = examiner.refused !== undefined || request.inherited !== undefined
    return isRefused ? chooseLastGood(errors, request, examiner) : { errors }
  }
  const examined = await examiner.examine(loaded, tests)
  const { refusing } = examined
  if (refusing.length === 0) return { loaded, source, examined, refusal: bundleErrors }
  if (examined.snapshot !== undefined) replaced.discard(examined.snapshot)
  return chooseLastGood(refusing, request, examiner)
}

/**
 * At the start, the rules that were in force last; when another gateway is replaced, its rules and no others.
 *
 * @param refusing why those on offer must not be active
 */
async function chooseLastGood(
  refusing: readonly InterdictError[],
  request: Request,
  examiner: RulesExaminer
): Promise<ChosenRules | { readonly errors: readonly InterdictError[] }> {
  if (active !== undefined) return { errors: refusing }
  const lastGood = await loadLastGood(request)
  if (!('loaded' in lastGood)) return { errors: [...refusing, ...lastGood.errors] }
  const { inherited } = request
  // The history may lack what is in force, where it could not be written.
  if (inherited !== undefined && lastGood.loaded.rules.sha256 !== inherited)
    return { errors: refusing }
  const before = await examiner.examine(lastGood.loaded, undefined, true)
  return { ...lastGood, examined: before, refusal: refusing }
}

/** The rules that were in force last. @returns no errors: none are kept */
async function loadLastGood({
  location,
  history
}: Request): Promise<
  Pick<ChosenRules, 'loaded' | 'source'> | { readonly errors: readonly InterdictError[] }
> {
  const { folder, copiesFolder: copies, outside } = location
  try {
    const source = await lastGoodRules(history, { folder, copies, outside })
    if (source === undefined) return { errors: [] }
    const loaded = await loadRules(source, systemClock, undefined, lists)
    return loaded.ok ? { loaded, source } : loaded
  } catch (error) {
    return { errors: [error as InterdictError] }
  }
}

function compiledRules(
  { loaded, source, examined, refusal }: ChosenRules,
  request: Request,
  mandated: readonly Mandate[]
) {
  const { snapshot, changes, tested, report, mandates, formerBans } = examined
  if (snapshot !== undefined) adopt(snapshot)
  if (source !== undefined) contents.add(source, loaded, request.listSize)
  const unsaved = formerBans?.save()
  const logWarnings = [...(formerBans?.problems ?? []), ...(unsaved === undefined ? [] : [unsaved])]
  lists.end(loaded.listStates)
  const orders = mandateOrders(mandated, loaded.rules)
  return {
    kind: 'compiled',
    ...{ snapshot, changes, tested, tests: report, mandates: mandates.report },
    warnings: [...loaded.warnings, ...logWarnings].map(serializeError),
    bundleErrors: refusal.map(serializeError),
    listErrors: loaded.listErrors.map(serializeError),
    lists:
      snapshot === undefined
        ? withActiveParts(loaded.listStates, request.lists)
        : loaded.listStates,
    pendingLists: lists.pending,
    ...sourcesOf(loaded),
    ordered: orderedFacts(loaded.rules, orders, epochSeconds(systemClock)),
    packedRules: request.isPacked ? packRules(loaded, request.sampled, orders) : undefined
  } as const
}

function sourcesOf({ rules, remotes, transfers }: LoadedRules): RuleSources {
  // There may be many, and only downloaded lists need them.
  const networks = remotes.length === 0 ? [] : rules.networks
  const prefixesByNetwork = new Map(networks.map(({ id, prefixes }) => [id, prefixes]))
  return { remoteLists: { lists: remotes, prefixesByNetwork }, zones: transfers }
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

/** Applies zone journals, if nothing else has changed and the policy tests pass. */
async function updateByJournals(
  request: Request,
  started: Milliseconds
): Promise<FromCompiler | undefined> {
  const { location, tested, testSettings } = request
  if (active === undefined || tested === undefined) return undefined
  const now = epochSeconds(systemClock)
  const updated = await applyZoneJournals(active, { ...request, ...location, now })
  if (updated === undefined) return undefined
  const read = await readActiveTests(location, active, tested.timeZone)
  if (read === undefined) return undefined
  const { snapshot = active } = updated
  const before = { snapshot: active, edition: tested.edition }
  const testResult = await testRules(read, snapshot, tested, before, testSettings)
  const { refusing, report: tests } = testResult
  // That indicators expire refuses no test: health reports those that fail by time alone.
  const isByTime = snapshot.origin.sha256 === active.origin.sha256
  if (refusing.length > 0 && !isByTime) {
    const errors = refusing.map(serializeError)
    return { kind: 'rejected', errors, watchState: updated.watchState, isTransient: false }
  }
  const states = afterJournals(request.lists, active, updated, now)
  if (updated.snapshot !== undefined) adopt(updated.snapshot)
  const duration = performance.now() - started
  return { kind: 'updated', ...updated, tests, lists: states, duration }
}

interface StableReadResult extends RulesReadResult {
  /** The policy tests of a rules folder; those of bundles are read with them. */
  readonly tests: ReadTests | undefined
  /** The state of the files just before they were read. */
  readonly watchState: WatchState
  /** Whether files were still changing at the last attempt. */
  readonly isChanging: boolean
}

/**
 * Reads the rules until no file changes while they are read: a mix of old and new files, or a
 * half-written file, must never become active.
 */
async function readStable(request: Request, examiner: RulesExaminer): Promise<StableReadResult> {
  const { location, watchedPaths } = request
  let before = await readWatchState([...watchedPaths, ...(await listRulePaths(location))])
  for (let attempts = 1; ; attempts++) {
    lists.beginAttempt()
    const { folder, saved } = location
    const mandates = await mandateGate(request)
    examiner.mandates = mandates
    const result = await readRules(location, systemClock, examiner.examineBundle, lists)
    const { loaded, written } = result
    const timeZone = loaded.ok ? loaded.rules.timeZone : 'UTC'
    const tests = folder === undefined ? undefined : await readFolderTests(folder, timeZone, saved)
    const others = [...(tests?.files ?? []), ...(mandates?.read.files ?? [])]
    const files = [...new Set([...result.files, ...others])]
    before = new Map([...before, ...(await readWatchState(written))])
    const after = await readWatchState(files)
    const watchState = new Map(files.map(file => [file, before.get(file) ?? '']))
    const isChanging = !isUnchanged(before, after)
    if (!isChanging || attempts === MAX_ATTEMPTS)
      return { ...result, tests, watchState, isChanging }
    before = after
    await sleep(RETRY_PAUSE)
  }
}

async function mandateGate(request: Request): Promise<MandateGate | undefined> {
  const { tested, location } = request
  const { mandates, mandatesStore: store } = location
  if (store === undefined) return undefined
  const now = epochSeconds(systemClock)
  const read =
    mandates === undefined ? droppedMandates(store, now) : await readMandates(mandates, now)
  return new MandateGate(read, store, {
    unsaved: request.unsavedBaseline,
    sha256: active?.origin.sha256,
    ownSha256: active && tested?.edition.split(' ')[0],
    load: async () => {
      const lastGood = await loadLastGood(request)
      if (!('loaded' in lastGood)) return undefined
      const { rules } = lastGood.loaded
      // The history may lack what is in force, where it could not be written.
      return active === undefined || rules.sha256 === active.origin.sha256 ? rules : undefined
    }
  })
}

function adopt(snapshot: Snapshot): void {
  active = snapshot
  replaced.setCurrent(snapshot)
}
