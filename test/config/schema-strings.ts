import { readFileSync } from 'node:fs'

interface Node {
  readonly $ref?: string
  readonly type?: string
  readonly enum?: unknown
  readonly const?: unknown
  readonly anyOf?: readonly Node[]
  readonly oneOf?: readonly Node[]
  readonly allOf?: readonly Node[]
  readonly properties?: Readonly<Record<string, Node>>
  readonly additionalProperties?: Node | boolean
  readonly items?: Node
}

const SCHEMA = 'docs/reference/schemas/interdict.schema.json'

/** The string settings; see `schemaKeys`. */
export const schemaStrings = (): readonly string[] => schemaKeys(['string'])

/**
 * The settings of these types according to the JSON Schema, which a test keeps in step with the settings. `[]` stands for
 * each entry of a list, `*` for a key that the operator chooses.
 */
export function schemaKeys(types: readonly string[]): readonly string[] {
  const root = JSON.parse(readFileSync(SCHEMA, 'utf8')) as Node
  const keys = new Set<string>()
  const walk = (node: Node, key: string): void => {
    if (node.$ref !== undefined) walk(at(root, node.$ref), key)
    for (const one of [node.anyOf, node.oneOf, node.allOf].flatMap(all => all ?? [])) walk(one, key)
    for (const [name, one] of Object.entries(node.properties ?? {}))
      walk(one, key === '' ? name : `${key}.${name}`)
    if (typeof node.additionalProperties === 'object') walk(node.additionalProperties, `${key}.*`)
    if (node.items !== undefined) walk(node.items, `${key}[]`)
    if (types.includes(node.type ?? '') && node.enum === undefined && node.const === undefined)
      keys.add(key)
  }
  walk(root, '')
  return [...keys]
}

function at(root: Node, ref: string): Node {
  const steps = ref.split('/').slice(1)
  return steps.reduce((node, step) => (node as Record<string, Node>)[step]!, root)
}
