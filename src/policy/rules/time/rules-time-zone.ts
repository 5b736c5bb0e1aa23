import * as z from 'zod'
import { readYaml } from '../../yaml/read.js'
import { NETWORKS_FILE, type RuleFiles } from '../model/folder.js'
import { timeZoneSchema } from '../schema/schedule-schema.js'

/** Only the time zone of `networks.yaml`; errors elsewhere in the file do not matter. */
const schema = z.looseObject({
  defaults: z
    .preprocess(value => value ?? {}, z.looseObject({ 'time-zone': timeZoneSchema.default('UTC') }))
    .prefault({})
})

/**
 * The time zone of a rules folder, without the other rules; UTC without `networks.yaml`.
 *
 * @returns undefined if the file cannot be read, or is not valid YAML
 */
export async function readRulesTimeZone(files: RuleFiles): Promise<string | undefined> {
  const file = await files.read(NETWORKS_FILE)
  if ('why' in file) return file.isMissing === true ? 'UTC' : undefined
  const read = readYaml(file.octets, files.displayName(NETWORKS_FILE), schema)
  return read.ok ? read.value.defaults['time-zone'] : undefined
}
