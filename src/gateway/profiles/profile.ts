import * as z from 'zod'
import { readYaml } from '../../policy/yaml/read.js'
import { JUDGES } from './judges.js'
import type { ProfileId } from './profile-ids.js'
import { PROFILE_TEXTS } from './profile-texts.js'

const requirement = z.strictObject({
  id: z.string(),
  /** Of the document. */
  section: z.string(),
  text: z.string(),
  judge: z.string().refine(name => Object.hasOwn(JUDGES, name), 'an unknown judge')
})
const schema = z.strictObject({
  profile: z.string(),
  title: z.string(),
  document: z.string(),
  /** How far the original could be read. */
  original: z.string(),
  requirements: z.array(requirement).min(1)
})

/** Published guidance, as requirements that settings and rules can be compared with. */
export type Profile = z.output<typeof schema>

export function loadProfile(id: ProfileId): Profile {
  const file = `${id}.yaml`
  const read = readYaml(PROFILE_TEXTS[file] ?? '', file, schema)
  // The files are part of the program, and the tests read each of them.
  if (!read.ok) throw read.errors[0]!
  return read.value
}
