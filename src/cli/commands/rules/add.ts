import { chownSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { containsPrefix, readPrefix } from '../../../base/values/address.js'
import { writeFileAtomic } from '../../../base/files/atomic-file.js'
import { failure } from '../../../base/errors/error.js'
import { reasonOf } from '../../../base/errors/reason.js'
import { epochSeconds, systemClock } from '../../../base/time/clock.js'
import type { Config } from '../../../gateway/config/config.js'
import { editNetworks, type EditedFile } from '../../../policy/edit/edit-rules.js'
import { policyEditSchema, type PolicyEdit } from '../../../policy/edit/policy-edit.js'
import { loadRules } from '../../../policy/rules/load.js'
import { NETWORKS_FILE, RulesFolder } from '../../../policy/rules/model/folder.js'
import type { RuleSet } from '../../../policy/rules/model/types.js'
import { listCopiesFolder } from '../../../sources/http/list-copies.js'
import { parseArgument } from '../../args/parse.js'
import { loadSettings, type CommonOptions } from '../../args/settings.js'
import { EXIT, rejectInput, usageError } from '../../exit.js'
import { print, printJson, type Io } from '../../io.js'
import { terminalWidth } from '../../output/columns.js'
import { plannedJson, plannedText } from '../../output/rules/plan-text.js'
import { comparePlanned } from './plan.js'

export interface AddOptions extends CommonOptions {
  /** The folder to edit, instead of the one in the settings. */
  readonly rules?: string
  readonly dryRun?: boolean
  readonly yes?: boolean
  readonly json?: boolean
}

/** Options of a command, by the name of the key in the file. */
export type KeyOptions = Readonly<Record<string, string | number | boolean | readonly string[]>>

/** What a command adds, by the rules as they are. */
export type MakeEdits = (rules: RuleSet) => readonly PolicyEdit[]

const EXAMPLES = 5

/** Edits a file of rules that are in force. */
export type EditFile = (
  files: RulesFolder,
  rules: RuleSet,
  textOf: (file: string) => string | undefined
) => EditedFile | Promise<EditedFile>

/** `interdict ban add` and its siblings: adds to `networks.yaml`. */
export function addRules(make: MakeEdits, options: AddOptions, io: Io): Promise<number> {
  const edit: EditFile = (files, rules, textOf) =>
    editNetworks(textOf(NETWORKS_FILE) ?? '', make(rules), files.displayName(NETWORKS_FILE))
  return editRules(edit, options, io)
}

/**
 * Edits a file of the rules, after showing the changed lines and what the rules then change, as `interdict plan` does.
 * Rules with errors are not written.
 */
export async function editRules(edit: EditFile, options: AddOptions, io: Io): Promise<number> {
  const { dryRun = false, yes = false, json = false } = options
  if (!dryRun && !yes && (json || io.ask === undefined))
    usageError('not on a terminal: give --yes to write the file, or --dry-run to see what changes')
  const config = await loadSettings(options)
  const folder = folderOf(config, options)
  const where = {
    copies: listCopiesFolder(config.state.folder),
    outside: config.outsideFolders,
    asnDatabase: config.asnDatabase
  }
  const saved = new RulesFolder(folder, where)
  const before = await loadRules(saved)
  if (!before.ok) return rejectInput(before.errors)
  const textOf = (file: string): string | undefined => read(join(folder, file))
  const { diff, file, text } = await edit(saved, before.rules, textOf)
  const path = join(folder, file)
  const current = textOf(file)
  const edited = new Map([[file, Buffer.from(text)]])
  const files = new RulesFolder(folder, { ...where, edited })
  const context = {
    ...{ names: 'the saved rules', config, options, examples: EXAMPLES },
    now: epochSeconds(systemClock)
  }
  const found = { rules: folder, ...(await comparePlanned(files, before.rules, context, io)) }
  const isValid = found.check.errors.length === 0
  if (!json) print(io, `${diff}\n${plannedText(found, terminalWidth(io.stdout))}`)
  const isWanted = isValid && !dryRun && (yes || (await isAgreed(path, io)))
  if (isWanted) write(path, current, text)
  if (json)
    printJson(io, { ...plannedJson(found), written: isWanted, file: path, changedLines: diff })
  else print(io, outcome(path, { isValid, isWanted, config, planned: found.planned }))
  return isValid ? EXIT.success : EXIT.failure
}

/** @throws InterdictError EDIT_BUNDLE */
function folderOf({ bundle, rules }: Config, options: AddOptions): string {
  if (options.rules !== undefined) return options.rules
  if (bundle !== undefined) throw failure('EDIT_BUNDLE')
  return rules
}

async function isAgreed(path: string, { ask }: Io): Promise<boolean> {
  const answer = await ask!(`Write ${path}? [y/N] `)
  return /^y(es)?$/i.test(answer.trim())
}

/** Undefined: there is no such file. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw failure('RULES_UNREADABLE', path, reasonOf(error))
  }
}

/** Replaces the file, which keeps its owner; a new one gets that of its folder. @throws InterdictError EDIT_CHANGED, EDIT_WRITE */
function write(path: string, before: string | undefined, after: string): void {
  if (read(path) !== before) throw failure('EDIT_CHANGED', path)
  try {
    if (before === undefined) mkdirSync(dirname(path), { recursive: true })
    const { uid, gid, mode } = statSync(before === undefined ? dirname(path) : path)
    writeFileAtomic(path, Buffer.from(after), { mode: before === undefined ? 0o644 : mode & 0o777 })
    if (process.getuid?.() === 0) chownSync(path, uid, gid)
  } catch (error) {
    throw failure('EDIT_WRITE', path, reasonOf(error))
  }
}

function outcome(
  path: string,
  {
    isValid,
    isWanted,
    config,
    planned
  }: {
    readonly isValid: boolean
    readonly isWanted: boolean
    readonly config: Config
    readonly planned: string | undefined
  }
): string {
  if (!isValid) return `\nThe rules would have errors. ${path} is not changed.\n`
  if (!isWanted) return `\n${path} is not changed.\n`
  const next =
    config.activation.activate === 'manual'
      ? `Put it in force with: interdict apply ${planned ?? ''}`
      : 'A running gateway reloads it within a second.'
  return `\nWrote ${path}. ${next}\n`
}

/** @throws a usage error: values that no edit may have */
export function checkedEdit(edit: PolicyEdit): PolicyEdit {
  const { data, error } = policyEditSchema.safeParse(edit)
  if (error === undefined) return data
  const [issue] = error.issues
  return usageError(`${issue!.path.join('.')}: expected ${issue!.message}`)
}

/** The network in which each of these clients is. */
export function networkOfClients(rules: RuleSet, clients: readonly string[]): string {
  const found = new Set(clients.map(client => networkOf(rules, client)))
  const [one, ...more] = [...found]
  if (one === undefined) usageError('give --client, or --network')
  if (more.length > 0)
    usageError(`these clients are in several networks: ${[...found].join(', ')}; add one at a time`)
  return one
}

function networkOf({ networks }: RuleSet, client: string): string {
  const prefix = parseArgument('--client', () => readPrefix(client))
  let [best, length] = ['', -1]
  for (const { id, prefixes } of networks)
    for (const one of prefixes)
      if (one.length > length && containsPrefix(one, prefix)) [best, length] = [id, one.length]
  if (length === -1) usageError(`--client ${client}: no network has this address`)
  return best
}
