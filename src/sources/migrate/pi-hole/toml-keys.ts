/** A value of a TOML file: Pi-hole writes strings, numbers, booleans, and lists of them. */
export type TomlValue = string | number | boolean | readonly (string | number | boolean)[]

export interface TomlKey {
  /** With its tables: `dns.upstreams`. */
  readonly key: string
  readonly value: TomlValue
  readonly line: number
  /** Whether Pi-hole has noted that it is not the default. */
  readonly isChanged: boolean
}

const STRING = /"((?:[^"\\]|\\.)*)"|'([^']*)'/
const ITEM = new RegExp(`${STRING.source}|#.*|true|false|[-+]?[\\d_.]+(?:e[-+]?\\d+)?|\\]`, 'g')

/** Reads the keys of pihole.toml. What it does not know, such as dates, is text. */
export function readTomlKeys(text: string): readonly TomlKey[] {
  const keys: TomlKey[] = []
  let table = ''
  const lines = text.split('\n')
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!.trim()
    const [, name] = /^\[([^[\]]+)\]/.exec(line) ?? []
    if (name !== undefined) table = name.trim()
    const [, key, rest] = /^([\w.-]+)\s*=\s*(.*)$/.exec(line) ?? []
    if (key === undefined) continue
    const at = i + 1
    let written = rest!
    if (written.startsWith('['))
      while (!isClosed(written) && i + 1 < lines.length) written += `\n${lines[++i]!}`
    const isChanged = /###\s*CHANGED/.test(written)
    keys.push({
      key: table === '' ? key : `${table}.${key}`,
      value: valueOf(written),
      line: at,
      isChanged
    })
  }
  return keys
}

const isClosed = (written: string): boolean => itemsOf(written).includes(']')

function valueOf(written: string): TomlValue {
  const items = itemsOf(written)
  if (!written.startsWith('[')) return scalar(items[0] ?? written)
  return items.filter(item => item !== ']').map(scalar)
}

/** Words of a value up to the end of a list, without comments. */
function itemsOf(written: string): readonly string[] {
  const items: string[] = []
  for (const [item] of written.matchAll(ITEM)) {
    if (item.startsWith('#')) continue
    items.push(item)
    if (item === ']') break
  }
  return items
}

function scalar(item: string): string | number | boolean {
  const [, double, single] = STRING.exec(item) ?? []
  if (double !== undefined) return double.replace(/\\(["\\])/g, '$1')
  if (single !== undefined) return single
  if (item === 'true' || item === 'false') return item === 'true'
  const number = Number(item.replaceAll('_', ''))
  return Number.isNaN(number) ? item : number
}
