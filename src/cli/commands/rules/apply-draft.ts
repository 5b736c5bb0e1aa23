import { chownSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { renameDurably, writeFileAtomic } from '../../../base/files/atomic-file.js'
import { failure } from '../../../base/errors/error.js'
import { reasonOf } from '../../../base/errors/reason.js'
import { escapeControls } from '../../../base/log/terminal-line.js'
import { epochSeconds, systemClock } from '../../../base/time/clock.js'
import type { Config } from '../../../gateway/config/config.js'
import type { ApplyResult } from '../../../gateway/socket/admin-protocol.js'
import {
  digestsOf,
  DraftStore,
  outdatedFiles,
  type Draft
} from '../../../policy/edit/draft-store.js'
import { fileDiff } from '../../../policy/edit/line-diff.js'
import { historyFolder } from '../../../policy/history/history-folder.js'
import { writeRestoreNote } from '../../../policy/history/restore-note.js'
import { loadRules } from '../../../policy/rules/load.js'
import { RulesFolder } from '../../../policy/rules/model/folder.js'
import { listCopiesFolder } from '../../../sources/http/list-copies.js'
import { callGateway, type AdminOptions } from '../../args/call-gateway.js'
import { loadSettings } from '../../args/settings.js'
import { callerName } from '../../args/user.js'
import { EXIT, rejectInput, usageError } from '../../exit.js'
import { print, printJson, type Io } from '../../io.js'
import { terminalWidth } from '../../output/columns.js'
import { plannedText } from '../../output/rules/plan-text.js'
import { comparePlanned } from './plan.js'

export interface ApplyOptions extends AdminOptions {
  readonly json?: boolean
  /** For a draft: do not ask. */
  readonly yes?: boolean
}

const EXAMPLES = 5

/**
 * `interdict apply DRAFT`: writes a draft of the dashboard into the rules folder, after showing what it changes.
 *
 * @throws InterdictError DRAFT_NONE, DRAFT_BUNDLE, DRAFT_APPLIED, DRAFT_UNAPPROVED, DRAFT_OUTDATED
 */
export async function applyDraft(id: string, options: ApplyOptions, io: Io): Promise<number> {
  const { yes = false, json = false } = options
  if (!yes && (json || io.ask === undefined)) usageError('not on a terminal: give --yes')
  const config = await loadSettings(options)
  const store = new DraftStore(config.state.folder)
  const draft = store.read(id)
  checkDraft(draft, config)
  const { rules: folder } = config
  const where = {
    copies: listCopiesFolder(config.state.folder),
    outside: config.outsideFolders,
    asnDatabase: config.asnDatabase
  }
  const texts = new Map(
    Object.entries(draft.files).map(([name, text]) => [name, Buffer.from(text)])
  )
  const before = await loadRules(new RulesFolder(folder, where))
  if (!before.ok) return rejectInput(before.errors)
  const context = {
    ...{ names: 'the saved rules', config, options, examples: EXAMPLES },
    now: epochSeconds(systemClock)
  }
  const files = new RulesFolder(folder, { ...where, edited: texts })
  const found = { rules: folder, ...(await comparePlanned(files, before.rules, context, io)) }
  if (!json) print(io, `${headOf(draft, folder)}${plannedText(found, terminalWidth(io.stdout))}`)
  if (found.check.errors.length > 0) return json ? rejectInput(found.check.errors) : EXIT.failure
  if (!yes && !/^y(es)?$/i.test((await io.ask!(`Put ${id} in force? [y/N] `)).trim())) {
    print(io, 'Nothing is changed.\n')
    return EXIT.success
  }
  // Others may have written meanwhile.
  checkDraft(store.read(id), config)
  const by = callerName(io)
  note(config, found.compared?.rules.after.sha256, `${by} (${id} by ${draft.made.by})`)
  writeFiles(folder, texts)
  store.write({ ...draft, applied: { by, at: new Date().toISOString() } })
  if (config.activation.activate === 'manual')
    await callGateway<ApplyResult>({ do: 'apply', sha256: found.planned }, options)
  if (json) printJson(io, { draft: id, sha256: found.planned ?? null })
  else
    print(io, `Wrote ${[...texts.keys()].join(', ')} into ${folder}. SHA-256 ${found.planned!}\n`)
  return EXIT.success
}

function checkDraft(draft: Draft, config: Config): void {
  const { id, applied, approved, files } = draft
  if (config.bundle !== undefined) throw failure('DRAFT_BUNDLE', id)
  if (applied !== null) throw failure('DRAFT_APPLIED', id, applied.by)
  if (config.admin.approval === 'second-person' && approved === null)
    throw failure('DRAFT_UNAPPROVED', id)
  const now = digestsOf(Object.keys(files), name => contentAt(join(config.rules, name)))
  const [changed] = outdatedFiles(draft, now)
  if (changed !== undefined) throw failure('DRAFT_OUTDATED', id, changed)
}

const contentAt = (path: string): Uint8Array | undefined =>
  existsSync(path) ? readFileSync(path) : undefined

/** What is asked about. Another person wrote it, who must not hide a line of it by control sequences of terminals. */
function headOf({ title, reason, made, approved, files }: Draft, folder: string): string {
  const lines = [
    title,
    `  reason    ${reason}`,
    `  made by   ${made.by}, ${made.at}`,
    ...(approved === null ? [] : [`  approved  ${approved.by}, ${approved.at}`])
  ]
  const diffs = Object.entries(files).map(([name, text]) =>
    fileDiff(name, contentAt(join(folder, name))?.toString(), text)
  )
  const text = `${lines.join('\n')}\n\n${diffs.join('')}\n`
  return text.split('\n').map(escapeControls).join('\n')
}

/** So that the history says who it was. */
function note({ state }: Config, sha256: string | undefined, by: string): void {
  if (sha256 === undefined) return
  try {
    writeRestoreNote(historyFolder(state.folder), { sha256, by, at: new Date().toISOString() })
  } catch {
    // The folder belongs to the gateway.
  }
}

/** Writes all files beside their places first. @throws InterdictError EDIT_WRITE */
function writeFiles(folder: string, texts: ReadonlyMap<string, Buffer>): void {
  const staged = [...texts].map(([name, octets]) => {
    const path = join(folder, name)
    const temporary = join(dirname(path), `.${name.split('/').at(-1)!}.draft`)
    try {
      mkdirSync(dirname(path), { recursive: true })
      const { uid, gid, mode } = statSync(existsSync(path) ? path : folder)
      writeFileAtomic(temporary, octets, { mode: mode & 0o666 })
      if (process.getuid?.() === 0) chownSync(temporary, uid, gid)
    } catch (error) {
      throw failure('EDIT_WRITE', path, reasonOf(error))
    }
    return [temporary, path] as const
  })
  for (const [temporary, path] of staged) renameDurably(temporary, path)
}
