import { readdirSync } from 'node:fs'
import { basename, dirname, isAbsolute, join } from 'node:path'
import type { Migration, Place } from '../draft/migration.js'
import { readNamed, textOf, type SourceFile } from '../draft/source-file.js'

/** `key: values` of unbound.conf. */
export interface UnboundSetting extends Place {
  readonly key: string
  readonly values: readonly string[]
}

/** A clause, such as `server:`, with its settings. */
export interface UnboundClause {
  readonly name: string
  readonly settings: readonly UnboundSetting[]
}

const CLAUSES = new Set([
  ...['server', 'remote-control', 'forward-zone', 'stub-zone', 'auth-zone', 'rpz', 'view'],
  ...['python', 'dynlib', 'cachedb', 'dnstap', 'dnscrypt', 'ipset']
])
const WORD = /"([^"]*)"|'([^']*)'|#.*|[^\s"'#][^\s"']*/g
const MAX_INCLUDES = 1000

/** Reads the clauses of unbound.conf, with what it includes. */
export function readClauses(source: SourceFile, migration: Migration): readonly UnboundClause[] {
  const clauses: { name: string; settings: UnboundSetting[] }[] = []
  let included = 0
  const readFile = (file: SourceFile): void => {
    for (const setting of settingsOf(file)) {
      const { key, values } = setting
      if (CLAUSES.has(key) && values.length === 0) clauses.push({ name: key, settings: [] })
      else if (key === 'include' || key === 'include-toplevel') {
        const found = includedFiles(file, values[0] ?? '')
        const isTooDeep = ++included > MAX_INCLUDES
        if (found.length === 0 || isTooDeep) {
          migration.open(
            setting,
            show(setting),
            'the file is not here: copy it beside this one and migrate again'
          )
        } else {
          migration.carried(setting, show(setting))
          found.forEach(readFile)
        }
      } else if (clauses.length === 0) clauses.push({ name: 'server', settings: [setting] })
      else clauses.at(-1)!.settings.push(setting)
    }
  }
  readFile(source)
  return clauses
}

export const show = ({ key, values }: UnboundSetting): string => `${key}: ${values.join(' ')}`

function* settingsOf(source: SourceFile): Generator<UnboundSetting> {
  let current: { key: string; values: string[]; file: string; line: number } | undefined
  for (const [index, text] of textOf(source).split('\n').entries()) {
    for (const [word, double, single] of text.matchAll(WORD)) {
      if (word.startsWith('#')) break
      const key =
        double === undefined && single === undefined ? /^([a-z][a-z\d-]*):$/.exec(word) : null
      if (key === null) current?.values.push(double ?? single ?? word)
      else {
        if (current !== undefined) yield current
        current = { key: key[1]!, values: [], file: source.file, line: index + 1 }
      }
    }
  }
  if (current !== undefined) yield current
}

/** Files of `include:`, which may have `*` in the last part of the path. */
function includedFiles(from: SourceFile, name: string): readonly SourceFile[] {
  if (!name.includes('*')) return [readNamed(from, name) ?? []].flat()
  const folder = isAbsolute(name) ? dirname(name) : join(dirname(from.path), dirname(name))
  const parts = basename(name)
    .split('*')
    .map(part => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
  const pattern = new RegExp(`^${parts.join('.*')}$`)
  try {
    const names = readdirSync(folder)
      .filter(file => pattern.test(file))
      .sort()
    return names.flatMap(file => readNamed(from, join(folder, file)) ?? [])
  } catch {
    return []
  }
}
