/** Names that rule files define, for those that refer to them. */
export type RuleNames = Readonly<
  Record<'networks' | 'lists' | 'apps' | 'vendors' | 'authorities' | 'rules', readonly string[]>
>

/** Keys of a mapping at the top of a file, in block or flow style. */
function keysOf(text: string, section: string): string[] {
  const found = new RegExp(`^${section}:(.*)\\n((?:(?:[ \\t].*)?\\n|#.*\\n)*)`, 'm').exec(
    `${text}\n`
  )
  if (found === null) return []
  const [, line = '', block = ''] = found
  if (line.trim().startsWith('{')) return flowKeys(line)
  const indent = /^( +)[^\s#]/m.exec(block)?.[1]
  if (indent === undefined) return []
  const key = new RegExp(`^${indent}([^\\s#:][^:\\n]*):(?=\\s|$)`, 'gm')
  return [...block.matchAll(key)].map(([, name]) => name!.replace(/^(["'])(.*)\1$/, '$2'))
}

/** Those of the outermost brackets. */
function flowKeys(text: string): string[] {
  let depth = 0
  return [...text.matchAll(/[{[\]}]|([\w-]+):(?=\s)/g)].flatMap(([token, key]) => {
    if (key !== undefined) return depth === 1 ? [key] : []
    depth += '{['.includes(token) ? 1 : -1
    return []
  })
}

/** @param files texts of rule files by path; null: too large to be shown */
export function namesIn(files: ReadonlyMap<string, string | null>): RuleNames {
  const networks = files.get('networks.yaml') ?? ''
  const apps = [...files].filter(([path]) => /^apps\/[^/]+\.yaml$/.test(path))
  const vendors = apps.flatMap(
    ([, text]) => /^vendor: *(.+?) *(?:#.*)?$/m.exec(text ?? '')?.[1] ?? []
  )
  const ids = [...networks.matchAll(/^(?!\s*#).*?[\s{,]id: *([\w-]+)/gm)].map(([, id]) => id!)
  return {
    networks: keysOf(networks, 'networks'),
    lists: keysOf(networks, 'lists'),
    authorities: keysOf(networks, 'client-authorities'),
    apps: apps.map(([path]) => path.slice('apps/'.length, -'.yaml'.length)).sort(),
    vendors: [...new Set(vendors)].sort(),
    rules: [...new Set(ids)]
  }
}
