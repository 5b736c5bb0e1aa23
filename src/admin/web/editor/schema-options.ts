import type { RuleNames } from './rule-names.js'
import type { YamlPlace } from './yaml-place.js'

/** What completion reads of a JSON Schema. */
export interface JsonSchema {
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly additionalProperties?: JsonSchema | boolean
  readonly items?: JsonSchema
  readonly anyOf?: readonly JsonSchema[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
}

export interface Option {
  readonly label: string
  readonly kind: 'key' | 'value' | 'name'
  readonly info?: string
}

/** Which schema describes a rule file, by the name of its file in `docs/reference/schemas`. */
export function schemaFor(path: string): string | undefined {
  const [folder, file] = path.split('/')
  if (!path.endsWith('.yaml')) return undefined
  if (file === undefined) return { 'networks.yaml': 'networks', 'evidence.yaml': 'evidence' }[path]
  return { apps: 'app', tests: 'tests', mandates: 'mandate' }[folder!]
}

/** Keys whose values are names that another part of the rules defines. */
const REFERENCES: Readonly<Record<string, keyof RuleNames>> = {
  apps: 'apps',
  app: 'apps',
  'pairs-with': 'apps',
  successor: 'apps',
  vendors: 'vendors',
  lists: 'lists',
  list: 'lists',
  extends: 'networks',
  network: 'networks',
  networks: 'networks',
  'fewer-bans-than': 'networks',
  rule: 'rules'
}

function referencesAt(path: readonly string[]): keyof RuleNames | undefined {
  if (path[0] === 'scope') return 'networks'
  const key = path.findLast(one => one !== '[]') ?? ''
  if (key === 'authority') return path.includes('certificate') ? 'authorities' : undefined
  return REFERENCES[key]
}

const alternatives = (schema: JsonSchema): JsonSchema[] =>
  schema.anyOf === undefined ? [schema] : schema.anyOf.flatMap(alternatives)

/** The schemas that may describe what is below a key. */
function below(schema: JsonSchema, key: string): JsonSchema[] {
  if (key === '[]') return schema.items === undefined ? [] : alternatives(schema.items)
  const { properties, additionalProperties } = schema
  const found = properties?.[key] ?? additionalProperties
  return typeof found === 'object' ? alternatives(found) : []
}

const valuesOf = (schema: JsonSchema): string[] => {
  if (schema.type === 'boolean') return ['true', 'false']
  const values = schema.enum ?? (schema.const === undefined ? [] : [schema.const])
  return values.filter(one => one !== null).map(String)
}

/** Keys, values and names of the rules that fit into a place. */
export function optionsAt(
  schema: JsonSchema,
  { path, expects, present }: YamlPlace,
  names: RuleNames
): readonly Option[] {
  const schemas = path.reduce(
    (all, key) => all.flatMap(one => below(one, key)),
    alternatives(schema)
  )
  const options: Option[] = []
  const add = (option: Option): void => {
    if (!options.some(({ label }) => label === option.label)) options.push(option)
  }
  if (expects !== 'value') {
    for (const { properties = {} } of schemas)
      for (const [label, { description }] of Object.entries(properties))
        if (!present.includes(label))
          add({ label, kind: 'key', ...(description !== undefined && { info: description }) })
    if (path[0] === 'scope' && path.length === 1)
      for (const label of [...names.apps, ...names.lists]) add({ label, kind: 'key' })
  }
  if (expects !== 'key') {
    const references = referencesAt(path)
    if (references !== undefined && schemas.length > 0)
      for (const label of names[references]) add({ label, kind: 'name' })
    for (const label of schemas.flatMap(valuesOf)) add({ label, kind: 'value' })
  }
  return options
}
