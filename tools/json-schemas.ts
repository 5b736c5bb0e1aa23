/**
 * JSON Schemas of the files that people edit, for their editors. What is right comes from the very
 * schemas that read the files, and what a key means from the tables of `docs/`.
 */
import * as z from 'zod'
import { settingsSchema } from '../src/config/schema.js'
import { evidenceSchema } from '../src/rules/apps/evidence.js'
import { appSchema } from '../src/rules/schema/app-schema.js'
import { networksSchema } from '../src/rules/schema/networks-schema.js'
import { policyTestsSchema } from '../src/rules/schema/policy-tests-schema.js'
import { docRows, type DocRows } from './doc-rows.js'

export const SCHEMAS = 'docs/reference/schemas'

/** Keys from the top of a file; keys that operators choose, and places in lists, are left out. */
type Keys = readonly string[]
type Describe = (keys: Keys) => string | undefined

interface Edited {
  /** The file that people edit. */
  readonly file: string
  readonly page: string
  readonly schema: z.ZodType
  readonly describe: (rows: DocRows) => Describe
}

const EDITED: Readonly<Record<string, Edited>> = {
  interdict: {
    file: 'interdict.yaml',
    page: 'docs/reference/settings.md',
    schema: settingsSchema,
    describe: rows => {
      const all = new Map([...rows.values()].flatMap(part => [...part]))
      return keys => all.get(keys.join('.'))
    }
  },
  networks: {
    file: 'networks.yaml',
    page: 'docs/reference/rules.md',
    schema: networksSchema,
    describe: rows => keys => find(rows, headingsOf(keys), keys)
  },
  app: {
    file: 'apps/*.yaml',
    page: 'docs/reference/rules.md',
    schema: appSchema,
    describe: rows => keys => find(rows, ['Apps'], keys)
  },
  evidence: {
    file: 'evidence.yaml',
    page: 'docs/reference/rules.md',
    schema: evidenceSchema,
    describe: rows => keys => find(rows, ['Evidence'], keys)
  },
  tests: {
    file: 'tests/*.yaml',
    page: 'docs/guides/policy-tests.md',
    schema: policyTestsSchema,
    describe: rows => keys => find(rows, ['Policy tests'], keys)
  }
}

/** Where `docs/reference/rules.md` speaks of a key of `networks.yaml`. */
function headingsOf(keys: Keys): string[] {
  const [first, second] = keys
  const rules = ['What all rules say', ...(keys.at(-1) === 'force' ? ['Apps'] : [])]
  if (keys.at(-2) === 'schedule') return ['Schedules']
  if (first === 'exceptions' || second === 'exceptions') return ['Exceptions', ...rules]
  if (first === 'lists') return ['Lists']
  return first === 'networks' && keys.length === 2 ? ['Networks'] : rules
}

function find(rows: DocRows, headings: readonly string[], keys: Keys): string | undefined {
  const found = headings.map(heading => rows.get(heading)?.get(keys.at(-1)!))
  return found.find(text => text !== undefined)
}

/** Each file of `docs/reference/schemas/`, by its path. */
export function jsonSchemas(): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(EDITED).map(([name, edited]) => {
      const text = JSON.stringify(jsonSchemaOf(edited), undefined, 2)
      return [`${SCHEMAS}/${name}.schema.json`, `${text}\n`]
    })
  )
}

type Json = z.core.JSONSchema.BaseSchema

function jsonSchemaOf({ file, page, schema, describe }: Edited): Json {
  const made = z.toJSONSchema(schema, {
    // What editors understand best.
    target: 'draft-7',
    // As it is written, not as it is read.
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      allowNothing(zodSchema, jsonSchema)
      const wanted = wantedBy(zodSchema)
      if (wanted !== undefined) jsonSchema.description = wanted
    }
  })
  explain(made, [], describe(docRows(page)))
  return { ...made, title: `${file} of Interdict`, description: `${page} explains every key.` }
}

/** Says of every key what the docs say of it, and then what was wanted. */
function explain(json: Json, keys: Keys, describe: Describe): void {
  if (isEmpty(json.default)) delete json.default
  for (const [key, below] of Object.entries(json.properties ?? {})) {
    if (typeof below === 'boolean') continue
    const path = [...keys, key]
    const said = describe(path)
    const parts = [said, said === undefined ? below.description : wantedOf(below)]
    const text = parts.filter(part => part !== undefined).join('\n')
    if (text !== '') below.description = text
    explain(below, path, describe)
  }
  const more = [json.items, json.additionalProperties, ...(json.anyOf ?? [])].flat()
  for (const below of more) if (typeof below === 'object') explain(below, keys, describe)
}

function wantedOf({ description }: Json): string | undefined {
  return description === undefined ? undefined : `Wanted: ${description}`
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}

/** YAML reads a key without a value as null: a section may be left empty. */
function allowNothing(zodSchema: z.core.$ZodType, json: Json): void {
  if (typeof json.type !== 'string' || json.type === 'null') return
  if (!z.safeParse(zodSchema, null).success) return
  json.type = [json.type, 'null'] as unknown as 'null'
  if (json.enum !== undefined) json.enum = [...json.enum, null]
}

/** What an error message says was wanted, of texts that are more than a text. */
function wantedBy(schema: z.core.$ZodType): string | undefined {
  if (!(schema instanceof z.ZodString)) return undefined
  const checks = (schema.def.checks ?? []).map(check => check._zod.def)
  const own = checks.filter(({ check }) => check !== 'min_length' && check !== 'overwrite')
  const texts = [schema.def, ...own].map(({ error }) => error?.(NO_ISSUE as never))
  return texts.find(text => typeof text === 'string')
}

const NO_ISSUE = { code: 'custom', path: [] }
