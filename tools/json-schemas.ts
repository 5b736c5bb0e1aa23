/**
 * Generates JSON Schemas of the files that operators edit, for their editors. Their structure comes
 * from the zod schemas that read the files, and the meaning of each key from the tables of `docs/`.
 */
import * as z from 'zod'
import { alertSchema } from '../src/gateway/alerts/alert-schema.js'
import { settingsSchema } from '../src/gateway/config/settings-schema.js'
import { evidenceSchema } from '../src/policy/rules/apps/evidence.js'
import { appSchema } from '../src/policy/rules/schema/app-schema.js'
import { mandateSchema } from '../src/policy/rules/schema/mandate-schema.js'
import { networksSchema } from '../src/policy/rules/schema/networks-schema.js'
import { policyTestsSchema } from '../src/policy/rules/schema/policy-tests-schema.js'
import { docRows, type DocRows } from './doc-rows.js'

export const SCHEMAS = 'docs/reference/schemas'

/** Path of a key from the top of a file, without keys that operators choose and without list indexes. */
type Keys = readonly string[]
type Describe = (keys: Keys) => string | undefined

interface EditedFile {
  /** The file that operators edit. */
  readonly file: string
  readonly page: string
  readonly schema: z.ZodType
  readonly describe: (rows: DocRows) => Describe
}

const EDITED: Readonly<Record<string, EditedFile>> = {
  interdict: {
    file: 'interdict.yaml',
    page: 'docs/reference/settings.md',
    schema: settingsSchema,
    describe: rows => {
      const all = new Map([...rows.values()].flatMap(part => [...part]))
      // Every list of upstreams has the same keys.
      const ofUpstreams = (keys: Keys): string | undefined =>
        all.get(['upstreams', 'servers', ...keys.slice(2)].join('.'))
      return keys => all.get(keys.join('.')) ?? ofUpstreams(keys)
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
  mandate: {
    file: 'mandates/*.yaml',
    page: 'docs/guides/mandates.md',
    schema: mandateSchema,
    describe: rows => keys => find(rows, ['Keys of a mandate'], keys)
  },
  tests: {
    file: 'tests/*.yaml',
    page: 'docs/guides/policy-tests.md',
    schema: policyTestsSchema,
    describe: rows => keys => find(rows, ['Policy tests'], keys)
  }
}

/** Headings of `docs/reference/rules.md` whose tables may explain a key of `networks.yaml`, best first. */
function headingsOf(keys: Keys): string[] {
  const [first, second] = keys
  // The keys of local data are the same in a network and in `defaults`.
  const local = keys.find(key => ['records', 'record-files', 'zones'].includes(key))
  if (local !== undefined && keys.at(-1) !== local) return [LOCAL_HEADINGS[local]!]
  const rules = ['Keys of all rules', ...(keys.at(-1) === 'force' ? ['Apps'] : [])]
  if (keys.at(-2) === 'schedule') return ['Schedules']
  if (first === 'exceptions' || second === 'exceptions') return ['Exceptions', ...rules]
  if (first === 'defaults') return ['Defaults']
  if (first === 'lists') return ['Lists']
  if (first === 'must-resolve') return ['Names that must resolve']
  return first === 'networks' && keys.length === 2 ? ['Networks'] : rules
}

const LOCAL_HEADINGS: Readonly<Record<string, string>> = {
  records: 'Records',
  'record-files': 'Files with records',
  zones: 'Zones'
}

function find(rows: DocRows, headings: readonly string[], keys: Keys): string | undefined {
  const found = headings.map(heading => rows.get(heading)?.get(keys.at(-1)!))
  return found.find(text => text !== undefined)
}

/** The text of each file of `docs/reference/schemas/` for an edited file, by path. */
export function editedSchemas(): ReadonlyMap<string, string> {
  return new Map(Object.entries(EDITED).map(([name, edited]) => fileOf(name, jsonSchemaOf(edited))))
}

/** The text of each file of `docs/reference/schemas/`, by path. */
export function jsonSchemas(): ReadonlyMap<string, string> {
  return new Map([...editedSchemas(), fileOf('alert', alertJsonSchema())])
}

function fileOf(name: string, schema: Json): [path: string, text: string] {
  return [`${SCHEMAS}/${name}.schema.json`, `${JSON.stringify(schema, undefined, 2)}\n`]
}

/** Of what webhooks get. Keys may be added, so receivers must accept others. */
function alertJsonSchema(): Json {
  const json = z.toJSONSchema(alertSchema, {
    target: 'draft-7',
    override: ({ jsonSchema }) => {
      delete jsonSchema.additionalProperties
      // Draft 7 has no such format, and the patterns say nothing that the descriptions do not.
      if (jsonSchema.format === 'uuid') delete jsonSchema.format
      if (jsonSchema.type === 'string') delete jsonSchema.pattern
    }
  })
  const description = 'docs/reference/alerts.md explains every key.'
  return { ...json, title: 'An alert of Interdict', description }
}

type Json = z.core.JSONSchema.BaseSchema

function jsonSchemaOf({ file, page, schema, describe }: EditedFile): Json {
  const json = z.toJSONSchema(schema, {
    // The draft that editors support best.
    target: 'draft-7',
    // The values as written in the file, not as parsed.
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      allowNull(zodSchema, jsonSchema)
      const expected = expectedBy(zodSchema)
      if (expected !== undefined) jsonSchema.description = expected
    }
  })
  explain(json, [], describe(docRows(page)))
  return { ...json, title: `${file} of Interdict`, description: `${page} explains every key.` }
}

/** Adds to every key its meaning from the docs, and the expected form. */
function explain(json: Json, keys: Keys, describe: Describe): void {
  if (isEmpty(json.default)) delete json.default
  for (const [key, below] of Object.entries(json.properties ?? {})) {
    if (typeof below === 'boolean') continue
    const path = [...keys, key]
    const meaning = describe(path)
    const parts = [meaning, meaning === undefined ? below.description : expectedOf(below)]
    const text = parts.filter(part => part !== undefined).join('\n')
    if (text !== '') below.description = text[0]!.toUpperCase() + text.slice(1)
    explain(below, path, describe)
  }
  const more = [json.items, json.additionalProperties, ...(json.anyOf ?? [])].flat()
  for (const below of more) if (typeof below === 'object') explain(below, keys, describe)
}

function expectedOf({ description }: Json): string | undefined {
  return description === undefined ? undefined : `Expected: ${description}`
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}

/** Accepts null where a section may be empty: YAML reads a key without a value as null. */
function allowNull(zodSchema: z.core.$ZodType, json: Json): void {
  if (typeof json.type !== 'string' || json.type === 'null') return
  if (!z.safeParse(zodSchema, null).success) return
  json.type = [json.type, 'null'] as unknown as 'null'
  if (json.enum !== undefined) json.enum = [...json.enum, null]
}

/** The expected form of a string with a check of its own, as its error message states it. */
function expectedBy(schema: z.core.$ZodType): string | undefined {
  if (!(schema instanceof z.ZodString)) return undefined
  const checks = (schema.def.checks ?? []).map(check => check._zod.def)
  const own = checks.filter(({ check }) => check !== 'min_length' && check !== 'overwrite')
  const texts = [schema.def, ...own].map(({ error }) => error?.(NO_ISSUE as never))
  return texts.find(text => typeof text === 'string')
}

const NO_ISSUE = { code: 'custom', path: [] }
