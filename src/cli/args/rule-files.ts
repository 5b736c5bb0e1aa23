import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { RulesFolder, type RuleFiles } from '../../rules/model/folder.js'
import { decodeBundle, readBundleFile } from '../../sources/bundle/bundle.js'
import { BundleFiles } from '../../sources/bundle/files.js'

/**
 * The rules at a path: of a folder, or of a bundle, which is a file. Signatures of a bundle have to
 * be good, whoever made them.
 *
 * @param copies where copies of lists are that are fetched
 * @throws InterdictError as `readBundleFile` and `decodeBundle`
 */
export async function ruleFiles(path: string, copies: string): Promise<RuleFiles> {
  const found = await stat(path).catch(() => undefined)
  if (found?.isFile() !== true) return new RulesFolder(path, copies)
  const bundle = await decodeBundle(await readBundleFile(path, path), path)
  return new BundleFiles(bundle, { path: resolve(path), front: `${path}:`, copies })
}
