import { failure } from '../../base/errors/error.js'
import { insertYaml, InsertionRefused, type YamlValue } from '../yaml/insert-yaml.js'
import type { EditedFile } from './edit-rules.js'
import { fileDiff } from './line-diff.js'

/** A name as the file of an app has it: facts for those who review it. */
export interface AcceptedName {
  readonly name: string
  readonly role?: string | undefined
  /** A day. */
  readonly 'first-seen': string
  readonly evidence: readonly string[]
  readonly note: string
}

export interface AppFile {
  readonly id: string
  /** For a new file. */
  readonly title: string
  /** Undefined: there is no file, or it is a copy of the catalogue, which has no effect. */
  readonly text: string | undefined
  /** What the file has now, if it is such a copy. */
  readonly replaced?: string | undefined
}

/**
 * Adds a name to the site's own file of an app. The rest of the file stays as it is, with its comments.
 *
 * @throws InterdictError EDIT_PLACE
 */
export function addAppName(app: AppFile, accepted: AcceptedName): EditedFile {
  const { id, title, replaced } = app
  const file = `apps/${id}.yaml`
  const before = app.text ?? newFile(id, title)
  const { name, role, ...facts } = accepted
  const value = { name, ...(role !== undefined && { role }), ...facts } as YamlValue
  try {
    const text = insertYaml(before, { path: ['names'], value })
    return { file, text, diff: fileDiff(file, app.text ?? replaced, text) }
  } catch (reason) {
    if (!(reason instanceof InsertionRefused)) throw reason
    throw failure('EDIT_PLACE', file, 'names')
  }
}

const newFile = (id: string, title: string): string =>
  `# Names of this site, beside those of the catalogue.\napp: ${id}\ntitle: ${JSON.stringify(title)}\n`
