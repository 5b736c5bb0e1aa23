import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import { showPrefix } from '../../src/base/values/address.js'
import type { InterdictError } from '../../src/base/errors/error.js'
import { showName } from '../../src/wire/dns/name/name.js'
import { loadRules, type RulesResult } from '../../src/policy/rules/load.js'
import { COVER, type NameSource, type RuleSet } from '../../src/policy/rules/model/types.js'

/** Files of a rules folder by name; `networks.yaml` and the rest. */
export type Files = Readonly<Record<string, string | Uint8Array>>

/** 2023-05-01: within the founding ban. */
export const NOW = Date.UTC(2023, 4, 1)

/** Loads rules from files, at a given time. */
export async function load(t: Test, files: Files, now = NOW): Promise<RulesResult> {
  const folder = t.testdir({})
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), content)
  }
  return loadRules(folder, { now: () => 0, wall: () => now })
}

/** The rule set of files that have to be right. */
export async function loadGood(t: Test, files: Files, now = NOW): Promise<RuleSet> {
  const result = await load(t, files, now)
  if (!result.ok) throw new Error(result.errors.map(({ message }) => message).join('\n'))
  return result.rules
}

/** `CODE file:line:column`, with the file as it is named in the rules folder. */
export function brief(errors: readonly InterdictError[]): string[] {
  return errors.map(({ code, position }) => {
    const { file, line, column } = position!
    const name = /(?:(?:apps|lists)\/)?[^/]+$/.exec(file)![0]
    return `${code} ${name}:${line}:${column}`
  })
}

/** What a source pours: `suffix tiktok.com 12`, `10.0.0.0/8 13`. */
export function poured(source: NameSource): string[] {
  const kinds = Object.entries(COVER)
  const found: string[] = []
  source.writeTo({
    name: (octets, at, length, cover, line) => {
      const kind = kinds.find(([, number]) => number === cover)![0]
      found.push(`${kind} ${showName(octets.subarray(at, at + length))} ${line}`)
    },
    prefix: (prefix, line) => found.push(`${showPrefix(prefix)} ${line}`)
  })
  return found
}

/** An app file of one name. */
export function app(id: string, ...lines: string[]): Files {
  const text = lines.length > 0 ? lines.join('\n') : `names: [${id}.example]`
  return { [`apps/${id}.yaml`]: `app: ${id}\ntitle: ${id}\n${text}\n` }
}
