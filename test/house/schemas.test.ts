import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { Ajv } from 'ajv'
import t from 'tap'
import { parse } from 'yaml'
import { settingsSchema } from '../../src/gateway/config/settings-schema.js'
import { editedSchemas, jsonSchemas, SCHEMAS } from '../../tools/json-schemas.js'
import { keysOf } from '../yaml/schema-keys.js'

const schemas = jsonSchemas()

t.test(`${SCHEMAS} is what npm run schemas generates`, async t => {
  const files = readdirSync(SCHEMAS).map(file => `${SCHEMAS}/${file}`)
  t.strictSame(files.sort(), [...schemas.keys()].sort())
  for (const [file, text] of schemas) t.equal(readFileSync(file, 'utf8'), text, file)
})

const ajv = new Ajv({ strict: true, allErrors: true, allowUnionTypes: true })
const validators = new Map(
  [...editedSchemas()].map(([file, text]) => [file, ajv.compile(JSON.parse(text) as object)])
)

const yamlIn = (folder: string): string[] =>
  readdirSync(folder).flatMap(file => (file.endsWith('.yaml') ? [`${folder}/${file}`] : []))

const shipped = [
  ...[
    'interdict.yaml',
    'docs/operations/container.yaml',
    'rules/networks.yaml',
    'rules/evidence.yaml',
    'contrib/mandates/be-federal-tiktok.yaml'
  ],
  ...yamlIn('rules/apps'),
  ...yamlIn('rules/tests')
]

/** Path of the schema that a file names for editors. */
function schemaOf(file: string): string {
  const [, path] = /^# yaml-language-server: \$schema=(\S+)$/m.exec(readFileSync(file, 'utf8'))!
  return relative('.', join(dirname(file), path!))
}

/** Where an editor would show errors. */
function faults(schema: string, text: string): string[] {
  const validate = validators.get(schema)!
  const value: unknown = parse(text)
  return validate(value) ? [] : validate.errors!.map(({ instancePath }) => instancePath)
}

t.test('every shipped file names its schema in its first line, and is valid', async t => {
  for (const file of shipped) {
    const text = readFileSync(file, 'utf8')
    t.match(text, /^# yaml-language-server: /, file)
    t.strictSame(faults(schemaOf(file), text), [], file)
  }
  t.strictSame(new Set(shipped.map(schemaOf)), new Set(editedSchemas().keys()))
})

t.test('all settings, without their leading #, are valid', async t => {
  const text = readFileSync('interdict.yaml', 'utf8').replaceAll(
    /^# ( *(?!yaml-language)[a-z0-9-]+:( .*)?)$/gm,
    '$1'
  )
  t.ok(parse(text))
  t.strictSame(faults(schemaOf('interdict.yaml'), text), [])
})

const wrong = [
  { it: 'a misspelt setting', schema: 'interdict', text: 'cache: { sise: 1MB }', at: '/cache' },
  { it: 'a number for a size', schema: 'interdict', text: 'cache: { size: 7 }', at: '/cache/size' },
  {
    it: 'a ban without an authority',
    schema: 'networks',
    text: 'networks: { n: { bans: [{ apps: [x], reference: r }] } }',
    at: '/networks/n/bans/0'
  },
  {
    it: 'an unknown action',
    schema: 'networks',
    text: 'defaults: { action: sink }\nnetworks: {}',
    at: '/defaults/action'
  },
  {
    it: 'a blank action',
    schema: 'networks',
    text: 'defaults: { action: }\nnetworks: {}',
    at: '/defaults/action'
  },
  {
    it: 'an unknown role',
    schema: 'app',
    text: 'app: x\ntitle: X\nnames: [{ name: x.example, role: roll }]',
    at: '/names/0/role'
  },
  { it: 'an app without a title', schema: 'app', text: 'app: x', at: '' },
  {
    it: 'a source without a publisher',
    schema: 'evidence',
    text: 'sources: { x: { family: y } }',
    at: '/sources/x'
  },
  { it: 'a table without rows', schema: 'tests', text: 'tests: [{ title: x }]', at: '/tests/0' }
] as const

for (const { it, schema, text, at } of wrong) {
  t.test(`an editor shows an error for ${it}`, async t => {
    t.ok(faults(`${SCHEMAS}/${schema}.schema.json`, text).includes(at))
  })
}

const right = [
  { it: 'a section that is left empty', schema: 'interdict', text: 'cache:\nlog:\n  queries:' },
  {
    it: 'a network that is left empty',
    schema: 'networks',
    text: 'networks: { n: }'
  },
  {
    it: 'names alone in a block',
    schema: 'networks',
    text: 'networks: { n: { block: [x.example] } }'
  }
] as const

for (const { it, schema, text } of right) {
  t.test(`an editor accepts ${it}`, async t => {
    t.strictSame(faults(`${SCHEMAS}/${schema}.schema.json`, text), [])
  })
}

t.test('every setting has a description', async t => {
  const page = JSON.parse(schemas.get(`${SCHEMAS}/interdict.schema.json`)!) as Json
  for (const key of keysOf(settingsSchema).keys()) {
    const at = key
      .split('.')
      .reduce<Json | undefined>((json, step) => within(json)?.properties?.[step], page)
    t.ok(at?.description, key)
  }
  t.match(page.properties?.cache?.properties?.size?.description, /a size from 1MB to 64GB/)
})

/** The schema with properties: its own, that of list or mapping entries, or that of an alternative. */
function within(json: Json | undefined): Json | undefined {
  if (json?.properties !== undefined) return json
  const entry = json?.items ?? json?.additionalProperties
  const form = json?.anyOf?.find(({ properties }) => properties !== undefined)
  return form ?? (typeof entry === 'object' ? within(entry) : json)
}

interface Json {
  readonly anyOf?: readonly Json[]
  readonly description?: string
  readonly properties?: Readonly<Record<string, Json>>
  readonly items?: Json
  readonly additionalProperties?: Json | boolean
}
