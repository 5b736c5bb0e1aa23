/** The differences between the settings of two versions, by their JSON schemas. */
export interface SettingsChanges {
  /** Keys with dots: `cache.size`. */
  readonly added: readonly string[]
  readonly removed: readonly string[]
  /** Defaults in JSON. */
  readonly changed: readonly { readonly key: string; readonly from: string; readonly to: string }[]
}

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>
  readonly default?: unknown
}

/** Compares two JSON schemas of the settings file. */
export function compareDefaults(before: Schema, after: Schema): SettingsChanges {
  const [old, now] = [new Map(defaultsOf(before)), new Map(defaultsOf(after))]
  return {
    added: [...now.keys()].filter(key => !old.has(key)),
    removed: [...old.keys()].filter(key => !now.has(key)),
    changed: [...now].flatMap(([key, to]) => {
      const from = old.get(key)
      return from === undefined || from === to ? [] : [{ key, from, to }]
    })
  }
}

/** Keys and defaults of all settings that are not sections. */
function* defaultsOf(schema: Schema, prefix = ''): Generator<[string, string]> {
  for (const [name, value] of Object.entries(schema.properties ?? {})) {
    const key = `${prefix}${name}`
    if (value.properties === undefined) yield [key, JSON.stringify(value.default ?? null)]
    else yield* defaultsOf(value, `${key}.`)
  }
}
