import { chownSync, existsSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { renameDurably, writeFileAtomic } from '../../../base/files/atomic-file.js'
import { failure } from '../../../base/errors/error.js'
import { reasonOf } from '../../../base/errors/reason.js'
import type { Config } from '../../../gateway/config/config.js'
import type { ParsedRequest, ResultOf } from '../../../gateway/processes/requests.js'
import { loadRules } from '../../../policy/rules/load.js'
import { RulesFolder } from '../../../policy/rules/model/folder.js'
import { sha256Of } from '../../../base/bytes/sha256.js'
import { writeRestoreNote } from '../../../policy/history/restore-note.js'
import { historyFolder } from '../../../policy/history/history-folder.js'
import type { RulesHistory } from '../../../policy/history/rules-history.js'
import { listCopiesFolder } from '../../../sources/http/list-copies.js'
import { findVersion, loadStored, openHistory } from '../../args/find-version.js'
import { loadSettings, type CommonOptions } from '../../args/settings.js'
import { callerName } from '../../args/user.js'
import { EXIT } from '../../exit.js'
import { print, printJson, type Io } from '../../io.js'
import { formatCount } from '../../output/format.js'
import { rulesContents } from '../../output/rules/version-files.js'

export interface RestoreOptions extends CommonOptions {
  readonly dryRun?: boolean
  /** Who restores, for the history. */
  readonly user?: string
  readonly json?: boolean
}

type Restored = ResultOf<'rules restore'>

/** What a restore changes in the rules folder. */
interface Plan {
  readonly written: ReadonlyMap<string, Buffer>
  /** Files that the version does not have. */
  readonly removed: readonly string[]
}

/**
 * `interdict rules restore`: writes the files of a version into the rules folder. Present files that are in no version
 * of the history are saved first.
 */
export async function restoreVersion(
  version: string,
  options: RestoreOptions,
  io: Io
): Promise<number> {
  const { dryRun = false, user = callerName(io) } = options
  const result = await performRestore({ version, dryRun, user }, options)
  if (options.json === true) printJson(io, result)
  else print(io, textOf(result, dryRun))
  return EXIT.success
}

/** @throws InterdictError RESTORE_BUNDLE, RESTORE_WRITE, HISTORY_READ, HISTORY_INCOMPLETE, and as `findVersion` */
export async function performRestore(
  { version, dryRun, user }: ParsedRequest<'rules restore'>,
  options: CommonOptions
): Promise<Restored> {
  const config = await loadSettings(options)
  if (config.bundle !== undefined) throw failure('RESTORE_BUNDLE')
  const { rules: folder, state } = config
  const history = await openHistory(config)
  const found = findVersion(history, version)
  // What does not load is not written.
  await loadStored(found, config)
  const wanted = await rulesContents(found.version, folder)
  const plan = await planOf(config, wanted)
  const changed = [...plan.written.keys(), ...plan.removed]
  let saved: string | null = null
  if (!dryRun && changed.length > 0) {
    saved = await saveUnknown(history, folder, changed, historyFolder(state.folder))
    writeNote(historyFolder(state.folder), found.event.sha256, user)
    apply(folder, plan)
  }
  const { sha256 } = found.event
  return { sha256, written: [...plan.written.keys()], removed: [...plan.removed], saved }
}

/** Compares a version with the rules folder: only files that rules are read from count. */
async function planOf(
  { rules: folder, outsideFolders: outside, asnDatabase, state }: Config,
  wanted: ReadonlyMap<string, Buffer>
): Promise<Plan> {
  const copies = listCopiesFolder(state.folder)
  const files = new RulesFolder(folder, { copies, outside, asnDatabase })
  await loadRules(files)
  const present = new Map(files.contents().map(({ name, sha256 }) => [name, sha256]))
  const isOther = ([name, octets]: readonly [string, Buffer]): boolean =>
    digestAt(join(folder, name)) !== sha256Of(octets)
  const removed = [...present.keys()].filter(
    name => /^apps\/[^/]+\.yaml$/.test(name) && !wanted.has(name)
  )
  return { written: new Map([...wanted].filter(isOther)), removed }
}

/**
 * Copies present files that no version of the history has, such as an edit that was rejected.
 *
 * @returns the folder that has them; null: the history has all
 */
async function saveUnknown(
  history: RulesHistory,
  folder: string,
  names: readonly string[],
  historyPath: string
): Promise<string | null> {
  const target = join(historyPath, 'replaced', new Date().toISOString().replaceAll(':', ''))
  let saved: string | null = null
  for (const name of names) {
    const path = join(folder, name)
    const digest = digestAt(path)
    if (digest === undefined || (await history.stores(digest))) continue
    saved = target
    const copy = join(target, name)
    attempt(copy, () => {
      mkdirSync(dirname(copy), { recursive: true, mode: 0o700 })
      writeFileAtomic(copy, readFileSync(path), { mode: 0o600 })
    })
  }
  return saved
}

/**
 * Writes all files beside their places first, and renames them within milliseconds: a gateway reads again until no
 * file changes meanwhile.
 */
function apply(folder: string, { written, removed }: Plan): void {
  const staged: (readonly [temporary: string, path: string])[] = []
  try {
    for (const [name, octets] of written) {
      const path = join(folder, name)
      const temporary = join(dirname(path), `.${name.split('/').at(-1)!}.restored`)
      staged.push([temporary, path])
      attempt(path, () => {
        mkdirSync(dirname(path), { recursive: true })
        writeFileAtomic(temporary, octets)
        keepOwner(path, temporary)
      })
    }
  } catch (error) {
    for (const [temporary] of staged) rmSync(temporary, { force: true })
    throw error
  }
  for (const [temporary, path] of staged) renameDurably(temporary, path)
  for (const name of removed) rmSync(join(folder, name))
}

/** The new file belongs to whom the present one belongs to; root alone may give it away. */
function keepOwner(path: string, temporary: string): void {
  const stats = statSync(existsSync(path) ? path : dirname(path))
  if (process.getuid?.() === 0) chownSync(temporary, stats.uid, stats.gid)
}

/** Without it, the history does not say who it was. */
function writeNote(path: string, sha256: string, by: string): void {
  try {
    writeRestoreNote(path, { sha256, by, at: new Date().toISOString() })
  } catch {
    // The folder belongs to the gateway.
  }
}

function attempt(path: string, act: () => void): void {
  try {
    act()
  } catch (error) {
    throw failure('RESTORE_WRITE', path, reasonOf(error))
  }
}

function digestAt(path: string): string | undefined {
  return existsSync(path) ? sha256Of(readFileSync(path)) : undefined
}

function textOf({ sha256, written, removed, saved }: Restored, isDryRun: boolean): string {
  const shown = sha256.slice(0, 12)
  if (written.length + removed.length === 0)
    return `The rules folder has version ${shown} already.\n`
  const lines = [
    ...written.map(name => `  write   ${name}`),
    ...removed.map(name => `  remove  ${name}`)
  ]
  const files = formatCount(lines.length, 'file')
  const head = isDryRun
    ? `Version ${shown} would change ${files}:`
    : `Restored version ${shown}: ${files} changed; a running gateway reloads them.`
  const notes =
    saved === null ? [] : [`Files that were in no version of the history are saved in ${saved}.`]
  return `${[head, ...lines, ...notes].join('\n')}\n`
}
