import { writeYaml } from '../../policy/yaml/write-yaml.js'
import type { YamlValue } from '../../policy/yaml/insert-yaml.js'
import type { Mapping } from './draft/mapping.js'
import type { Migration, NetworkDraft } from './draft/migration.js'

/** The text of `interdict.yaml`. @param listen in place of the addresses of the other server */
export function settingsText(migration: Migration, listen: readonly string[] | undefined): string {
  const { server, settings } = migration
  const addresses = listen ?? [...migration.listen]
  const head = `# Settings of Interdict, carried over from ${server} by interdict migrate. migration.txt lists what was not.
# What is not here has its default: see docs/reference/settings.md. Paths are relative to this file.
`
  return `${head}${writeYaml({ ...(addresses.length > 0 && { listen: addresses }), ...settings })}`
}

/** The text of `networks.yaml`. */
export function networksText(migration: Migration): string {
  const { server, defaults, records, recordFiles, networks, lists } = migration
  const tree: Record<string, YamlValue> = {
    defaults: {
      ...defaults,
      ...filled('records', records.records),
      ...filled('record-files', recordFiles),
      ...filled('zones', records.zones)
    },
    networks: Object.fromEntries([...networks].map(([id, network]) => [id, networkTree(network)])),
    lists: Object.fromEntries(lists)
  }
  return `# Rules carried over from ${server} by interdict migrate: see docs/reference/rules.md.\n${writeYaml(withoutEmpty(tree))}`
}

function networkTree(network: NetworkDraft): Mapping {
  const { description, prefixes, forward, others } = network
  return {
    description,
    ...filled('extends', network.extends),
    ...filled('prefixes', [...prefixes]),
    ...others,
    ...(Object.keys(forward).length > 0 && { forward }),
    ...filled('allow', network.allow),
    ...filled('block', network.block)
  }
}

const filled = (key: string, values: readonly YamlValue[]): Mapping =>
  values.length === 0 ? {} : { [key]: values }

const withoutEmpty = (tree: Record<string, YamlValue>): Record<string, YamlValue> =>
  Object.fromEntries(Object.entries(tree).filter(([, section]) => Object.keys(section).length > 0))
