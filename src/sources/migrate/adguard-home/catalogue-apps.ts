import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packagePath } from '../../../base/package.js'
import { appSchema } from '../../../policy/rules/schema/app-schema.js'
import { readYaml } from '../../../policy/yaml/read.js'

const FOLDER = 'rules/apps'

/** Apps of the shipped catalogue, each with those that must be blocked with it for the block to hold. */
export function catalogueApps(): ReadonlyMap<string, readonly string[]> {
  const folder = packagePath(FOLDER)
  const ids = readdirSync(folder).flatMap(file =>
    file.endsWith('.yaml') ? [file.slice(0, -'.yaml'.length)] : []
  )
  return new Map(ids.map(id => [id, [id, ...pairsOf(join(folder, `${id}.yaml`))]]))
}

function pairsOf(file: string): readonly string[] {
  const text = readFileSync(file)
  if (!text.includes('pairs-with')) return []
  const read = readYaml(text, file, appSchema)
  return read.ok ? read.value['pairs-with'] : []
}
