import type { YamlValue } from '../../../policy/yaml/insert-yaml.js'

/** A mapping of a YAML file that is written. */
export type Mapping = Record<string, YamlValue>
