import type { YamlValue } from '../../../policy/yaml/insert-yaml.js'
import type { Mapping } from './mapping.js'
import { RecordTable } from './drafted-records.js'

/** Where a setting of the other server is written. */
export interface Place {
  /** As in messages. */
  readonly file: string
  readonly line: number
}

/**
 * What became of a setting of the other server:
 *
 * `carried`  the written files have it
 * `unneeded` Interdict does it without a setting, or it is off there
 * `open`     somebody has to decide, or do it by hand
 */
export type Outcome = 'carried' | 'unneeded' | 'open'

/** A setting of the other server, or several that belong together. */
export interface Directive extends Place {
  readonly text: string
  readonly outcome: Outcome
  /** Why it is not needed, or what to do instead. */
  readonly note: string
  /** Number of settings that it stands for. */
  readonly count: number
}

/** A network as it is written to `networks.yaml`. */
export interface NetworkDraft {
  readonly description: string
  /** Templates have none. */
  readonly prefixes: Set<string>
  readonly extends: string[]
  readonly allow: YamlValue[]
  readonly block: YamlValue[]
  readonly forward: Record<string, string[]>
  /** Further keys. */
  readonly others: Mapping
}

/** Values that no report shows. */
const SECRET = /(\w*(?:password|pwhash|secret|private_key|totp|psk)\w*\s*[:=]\s*).+/i

/** Settings and rules converted from another DNS server, and what became of each setting there. */
export class Migration {
  readonly directives: Directive[] = []
  /** Sections of `interdict.yaml`. */
  readonly settings: Record<string, Mapping> = {}
  readonly listen = new Set<string>()
  /** Keys of `defaults`. */
  readonly defaults: Mapping = {}
  readonly records = new RecordTable()
  readonly recordFiles: Mapping[] = []
  readonly networks = new Map<string, NetworkDraft>()
  readonly lists = new Map<string, Mapping>()
  /** Files below the rules folder. */
  readonly files = new Map<string, string | Uint8Array>()
  /** Files beside the settings that only the gateway may read, such as keys. */
  readonly secrets = new Map<string, string>()

  /** @param server its name, such as Unbound */
  constructor(readonly server: string) {}

  carried(place: Place, text: string, count = 1): void {
    this.add(place, text, 'carried', '', count)
  }

  unneeded(place: Place, text: string, why: string, count = 1): void {
    this.add(place, text, 'unneeded', why, count)
  }

  open(place: Place, text: string, advice: string, count = 1): void {
    this.add(place, text, 'open', advice, count)
  }

  /** @param advice what to do instead; undefined: it was carried over */
  settle(place: Place, text: string, advice: string | undefined): void {
    if (advice === undefined) this.carried(place, text)
    else this.open(place, text, advice)
  }

  private add(place: Place, text: string, outcome: Outcome, note: string, count: number): void {
    const { file, line } = place
    this.directives.push({ file, line, text: text.replace(SECRET, '$1…'), outcome, note, count })
  }

  /** A section of the settings. */
  section(name: string): Mapping {
    return (this.settings[name] ??= {})
  }

  network(id: string, description: string): NetworkDraft {
    let network = this.networks.get(id)
    if (network === undefined) {
      const lists = { extends: [], allow: [], block: [], forward: {}, others: {} }
      network = { description, prefixes: new Set(), ...lists }
      this.networks.set(id, network)
    }
    return network
  }

  /** Adds a list. @returns its id, made of a name */
  addList(name: string, list: Mapping): string {
    const id = uniqueId(name, this.lists)
    this.lists.set(id, list)
    return id
  }

  /** Adds a file to `lists/` of the rules. @returns the id of its list */
  addListFile(
    name: string,
    content: string | Uint8Array,
    format: string,
    extension = 'txt'
  ): string {
    const id = uniqueId(name, this.lists)
    const file = `lists/${id}.${extension}`
    this.files.set(file, content)
    this.lists.set(id, { file, format })
    return id
  }

  count(outcome: Outcome): number {
    const counts = this.directives.filter(it => it.outcome === outcome).map(({ count }) => count)
    return counts.reduce((sum, one) => sum + one, 0)
  }
}

/** Makes an id of lower-case letters, digits and hyphens that a map does not have. */
export function uniqueId(name: string, used: ReadonlyMap<string, unknown>): string {
  const slug = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40)
  const id = /^[a-z0-9]/.test(slug) ? slug : 'migrated'
  if (!used.has(id)) return id
  for (let n = 2; ; n++) if (!used.has(`${id}-${n}`)) return `${id}-${n}`
}
