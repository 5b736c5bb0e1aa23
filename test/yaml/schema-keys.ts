import { z } from 'zod'

/**
 * Every key that a schema knows, as a path (`cache.size`), with the text of its default where it
 * has one. Keys that operators choose (networks, apps) are left out of paths.
 */
export function keysOf(schema: unknown, path = ''): Map<string, string | undefined> {
  const found = new Map<string, string | undefined>()
  for (const object of objectsIn(schema)) {
    for (const [key, value] of Object.entries(object.shape)) {
      const at = path === '' ? key : `${path}.${key}`
      const below = keysOf(value, at)
      // What may also be a plain text, or a list of them, is a key as well.
      if (below.size === 0 || isPlain(value) || hasText(value)) found.set(at, defaultOf(value))
      for (const [name, text] of below) found.set(name, text)
    }
  }
  return found
}

/** The mappings that a schema stands for, whatever is wrapped round them. */
function objectsIn(schema: unknown): z.ZodObject[] {
  if (schema instanceof z.ZodObject) return [schema]
  if (schema instanceof z.ZodUnion) return schema.options.flatMap(objectsIn)
  if (schema instanceof z.ZodArray) return objectsIn(schema.element)
  if (schema instanceof z.ZodRecord) return objectsIn(schema.valueType)
  if (schema instanceof z.ZodPipe) return [...objectsIn(schema.in), ...objectsIn(schema.out)]
  if (schema instanceof z.ZodPrefault || schema instanceof z.ZodDefault) {
    return objectsIn(schema.unwrap())
  }
  return schema instanceof z.ZodOptional ? objectsIn(schema.unwrap()) : []
}

function isPlain(schema: unknown): boolean {
  return schema instanceof z.ZodPrefault && typeof schema.def.defaultValue === 'string'
}

/** Whether entries of a list or mapping may be texts instead of mappings. */
function hasText(schema: unknown): boolean {
  if (schema instanceof z.ZodPrefault || schema instanceof z.ZodDefault) {
    return hasText(schema.unwrap())
  }
  if (schema instanceof z.ZodArray) return isMixed(schema.element) || hasText(schema.element)
  return schema instanceof z.ZodRecord && hasText(schema.valueType)
}

function isMixed(schema: unknown): boolean {
  return schema instanceof z.ZodUnion && schema.options.some(form => objectsIn(form).length === 0)
}

function defaultOf(schema: unknown): string | undefined {
  if (!(schema instanceof z.ZodPrefault || schema instanceof z.ZodDefault)) return undefined
  const { defaultValue } = schema.def
  // An empty text would not be seen on a page.
  const plain = typeof defaultValue === 'string' && defaultValue !== ''
  return plain ? defaultValue : JSON.stringify(defaultValue)
}
