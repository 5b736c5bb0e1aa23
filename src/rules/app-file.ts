import { readPrefix } from '../base/address.js'
import { failureAt, type InterdictError } from '../base/error.js'
import { basename } from 'node:path'
import * as z from 'zod'
import { readYaml, showPath, type Reading } from '../document/read.js'
import { textAs } from '../document/text.js'
import { covers, isTooWide, patternSchema, type Pattern } from './pattern.js'
import { WrittenSource } from './source.js'
import type { NameSource } from './types.js'

export const idSchema = z
  .string('an id of a-z, 0-9 and -')
  .regex(/^[a-z0-9][a-z0-9-]*$/, 'an id of a-z, 0-9 and -')
export const textSchema = z.string().trim().min(1, 'a text that is not empty')
export const prefixSchema = textAs('an address, or a prefix without host bits', readPrefix)

const nameSchema = z.union([
  patternSchema,
  z.strictObject({
    name: patternSchema,
    role: z.enum(['app', 'api', 'cdn', 'telemetry', 'web', 'shared']).optional(),
    confidence: z.enum(['high', 'medium', 'low']).optional(),
    evidence: z.array(textSchema).optional(),
    note: textSchema.optional()
  })
])

/** An app file: `docs/rules.md`, "Apps". Extra facts are for people who review a ban. */
export const appSchema = z.strictObject({
  app: idSchema,
  title: textSchema,
  kind: z.enum(['app', 'shared', 'bypass']).default('app'),
  vendor: textSchema.optional(),
  country: z
    .string()
    .regex(/^[A-Z]{2}$/, 'two letters such as BE')
    .optional(),
  description: textSchema.optional(),
  'pairs-with': z.array(idSchema).default([]),
  collateral: z.array(textSchema).optional(),
  names: z.array(nameSchema).default([]),
  'shared-names': z.array(nameSchema).default([]),
  addresses: z.array(prefixSchema).default([])
})

type AppReading = Reading<z.output<typeof appSchema>>

export interface App {
  readonly source: NameSource
  /**
   * `app`    the names of one product
   * `shared` names that several products of one vendor use
   * `bypass` names by which clients get past the resolver
   */
  readonly kind: 'app' | 'shared' | 'bypass'
  /** Apps that a ban of this one should name too. */
  readonly pairsWith: readonly string[]
}

/**
 * Reads an app file.
 *
 * @param name of the file in the rules folder: `apps/tiktok.yaml`
 * @param shown its name in messages
 */
export function readApp(
  octets: Uint8Array,
  name: string,
  shown: string
): { readonly app: App } | { readonly errors: readonly InterdictError[] } {
  const read = readYaml(octets, shown, appSchema)
  if (!read.ok) return read
  const errors = appErrors(read, name)
  if (errors.length > 0) return { errors }
  const { app, title, kind, names, addresses, 'pairs-with': pairsWith } = read.value
  const lineOf = (key: string, i: number): number => read.positionOf([key, i]).line
  const patterns = names.map((it, i) => ({ value: patternOf(it), line: lineOf('names', i) }))
  const prefixes = addresses.map((value, i) => ({ value, line: lineOf('addresses', i) }))
  const source = new WrittenSource('app', app, title, name, patterns, prefixes)
  return { app: { source, kind, pairsWith } }
}

function appErrors(read: AppReading, name: string): InterdictError[] {
  const { app, names, addresses, 'shared-names': shared } = read.value
  const errors: InterdictError[] = []
  const stem = basename(name, '.yaml')
  if (app !== stem) errors.push(failureAt(read.positionOf(['app']), 'RULES_APP_FILE', app, stem))
  if (names.length + addresses.length === 0) {
    errors.push(failureAt(read.positionOf([]), 'RULES_EMPTY', 'app', 'names or addresses'))
  }
  const others = shared.map(patternOf)
  for (const [i, it] of names.entries()) {
    const pattern = patternOf(it)
    const path = ['names', i]
    if (isTooWide(pattern)) {
      errors.push(failureAt(read.positionOf(path), 'RULES_TOO_WIDE', showPath(path)))
    }
    if (others.some(other => covers(pattern.cover, pattern.name, other.name))) {
      errors.push(failureAt(read.positionOf(path), 'RULES_SHARED_NAME', showPath(path)))
    }
  }
  return errors
}

function patternOf(it: z.output<typeof nameSchema>): Pattern {
  return 'cover' in it ? it : it.name
}
