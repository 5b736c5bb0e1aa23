import { readFileSync } from 'node:fs'
import { readPrefix, showPrefix, type Prefix } from '../../base/values/address.js'
import { writeFileAtomic } from '../../base/files/atomic-file.js'
import { failure, type InterdictError } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Seconds } from '../../base/units.js'
import { bannedSources } from '../../policy/compile/banned-sources.js'
import { readPattern, showPattern, type Pattern } from '../../policy/rules/model/pattern.js'
import { COVER, type Cover, type NameSource, type RuleSet } from '../../policy/rules/model/types.js'

/** So long after its ban, lookups of a name are logged. */
const KEPT: Seconds = 90 * 86_400
/** Names of a larger list are not kept: they would be most of the state folder. */
const MAX_NAMES = 100_000
const FOLDER_MODE = 0o700

/** Names and prefixes as rule files have them, by the file that listed them. */
type NamesByFile = Readonly<Record<string, readonly string[]>>

/** Content of the file. */
interface BannedNames {
  readonly v: number
  /** Since when all lookups of these names are logged; null: they are not. */
  readonly since: Seconds | null
  /** Those that bans cover. */
  readonly banned: NamesByFile
  /** Those that no ban covers any more, by the time until which their lookups are logged. */
  readonly former: Readonly<Record<string, NamesByFile>>
}

const NONE: BannedNames = { v: 1, since: null, banned: {}, former: {} }
/** Workers have begun to log by then. */
const ADOPTED: Seconds = 5

export interface FormerBans {
  /** Names that no ban covers any more. */
  readonly sources: readonly NameSource[]
  /** Why they are not known, or will not be after a restart. */
  readonly problems: readonly InterdictError[]
  /** Records what these rules ban. Call it when they are compiled. @returns the error if that fails */
  readonly save: () => InterdictError | undefined
}

/**
 * The names that were banned in the last 90 days and are not under these rules.
 *
 * @param isLogged whether the lookups of these names are logged; the names are recorded in any case
 */
export function formerBans(
  path: string,
  rules: RuleSet,
  now: Seconds,
  isLogged: boolean
): FormerBans {
  const { content, problem } = read(path)
  const banned = namesOf(bannedSources(rules))
  const former = formerNames(content, banned, now)
  const began = content.text === undefined ? now : now + ADOPTED
  const since = isLogged ? (content.since ?? began) : null
  const text = `${JSON.stringify({ v: 1, since, banned, former } satisfies BannedNames)}\n`
  return {
    sources: Object.values(former).flatMap(files => Object.entries(files).map(sourceOf)),
    problems: problem === undefined ? [] : [problem],
    save: () => (text === content.text ? undefined : write(path, text))
  }
}

function read(path: string): {
  content: BannedNames & { readonly text?: string }
  problem?: InterdictError
} {
  try {
    const text = readFileSync(path, 'utf8')
    const content = JSON.parse(text) as BannedNames
    if (content.v !== 1) throw new Error('not a file of this version')
    return { content: { ...content, text } }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { content: NONE }
    return { content: NONE, problem: failure('LOG_BANS', path, reasonOf(error)) }
  }
}

function write(path: string, text: string): InterdictError | undefined {
  try {
    writeFileAtomic(path, text, { mode: 0o600, folderMode: FOLDER_MODE })
    return undefined
  } catch (error) {
    return failure('LOG_BANS', path, reasonOf(error))
  }
}

/** Banned names of each file, sorted. */
function namesOf(sources: ReadonlySet<NameSource>): NamesByFile {
  const byFile = new Map<string, Set<string>>()
  for (const source of sources) {
    if (source.bounds.names > MAX_NAMES) continue
    const names = byFile.get(source.file) ?? new Set()
    byFile.set(source.file, names)
    for (const name of textsOf(source)) names.add(name)
  }
  return Object.fromEntries([...byFile].map(([file, names]) => [file, [...names].sort()]))
}

/** The names and prefixes of a source, in the syntax of rules. */
export function textsOf(source: NameSource): string[] {
  const texts: string[] = []
  source.writeTo({
    name: (octets, at, length, cover) => {
      const name = octets.slice(at, at + length)
      texts.push(showPattern({ cover: COVERS[cover]!, name }))
    },
    prefix: prefix => void texts.push(showPrefix(prefix))
  })
  return texts
}

const COVERS = Object.keys(COVER) as Cover[]

function formerNames(
  { banned: before, former }: BannedNames,
  now: NamesByFile,
  time: Seconds
): BannedNames['former'] {
  const current = new Set(Object.values(now).flat())
  const kept: Partial<Record<string, Record<string, string[]>>> = {}
  const add = (until: Seconds, files: NamesByFile): void => {
    for (const [file, names] of Object.entries(files)) {
      const gone = names.filter(name => !current.has(name))
      for (const name of gone) current.add(name)
      if (gone.length > 0) (kept[until] ??= {})[file] = gone
    }
  }
  add(time + KEPT, before)
  for (const [until, files] of Object.entries(former)) if (Number(until) > time) add(+until, files)
  return kept as BannedNames['former']
}

const sourceOf = ([file, texts]: readonly [string, readonly string[]]): NameSource =>
  loggedSource(`formerly banned: ${file}`, 'formerly banned names', file, texts)

/** Names and prefixes whose lookups are logged. @param texts in the syntax of rules */
export function loggedSource(
  id: string,
  title: string,
  file: string,
  texts: readonly string[]
): NameSource {
  const prefixes: Prefix[] = []
  const patterns: Pattern[] = []
  for (const text of texts) {
    // A file that somebody has edited stops no reload.
    try {
      if (text.includes('/')) prefixes.push(readPrefix(text))
      else patterns.push(...[readPattern(text)].filter(pattern => pattern !== undefined))
    } catch {
      continue
    }
  }
  const octets = patterns.reduce((sum, { name }) => sum + name.length, 0)
  return {
    kind: 'logged',
    ...{ id, title, file },
    bounds: { names: patterns.length, octets },
    writeTo: sink => {
      for (const { name, cover } of patterns) sink.name(name, 0, name.length, COVER[cover], 0)
      for (const prefix of prefixes) sink.prefix(prefix, 0)
    }
  }
}
