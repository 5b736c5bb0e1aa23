import { resolve } from 'node:path'
import * as z from 'zod'
import type { ActivationConfig, Config, MandatesConfig } from './config.js'

/** Every Ed25519 SubjectPublicKeyInfo has this prefix. RFC 8410 §4. */
const PUBLIC_KEY = /^MCowBQYDK2VwAyEA[A-Za-z0-9+/]{43}=$/

/** Whether a text is a key; otherwise it is the path of a key file. */
export const isPublicKey = (text: string): boolean => PUBLIC_KEY.test(text)

const MAX_KEYS = 16
const MAX_FOLDERS = 16
const EXPECTED = 'a path, a mapping with folder, or one with bundle, keys and signatures'
const KEYS = 'at least one public key, or a root of trust in root'
const path = z.string('a path').min(1, 'a path')
const keyList = z.array(z.string().min(1)).min(1, 'at least one public key').max(MAX_KEYS)

/** One mapping for both, since errors of a union of two mappings would have no position. */
const mapping = z
  .strictObject({
    folder: path.optional(),
    bundle: path.optional(),
    keys: keyList.optional(),
    root: path.optional(),
    signatures: z.int().min(1).max(MAX_KEYS).prefault(1),
    activate: z.enum(['on-save', 'manual']).prefault('on-save'),
    tests: z.enum(['refuse', 'warn']).prefault('refuse'),
    'outside-folders': z.array(path).max(MAX_FOLDERS).prefault([]),
    mandates: z.strictObject({ folder: path, keys: keyList.optional() }).optional()
  })
  .superRefine(({ folder, bundle, keys, root, signatures, activate, ...rest }, context) => {
    const addIssue = (key: string, message: string, input: unknown): void =>
      context.addIssue({ code: 'custom', path: [key], message, input })
    if (rest.mandates !== undefined && rest.mandates.keys === undefined && root === undefined)
      context.addIssue({
        ...{ code: 'custom', path: ['mandates', 'keys'], message: KEYS, input: undefined }
      })
    const isFolder = folder !== undefined
    if (isFolder && bundle !== undefined) addIssue('bundle', 'folder or bundle, not both', bundle)
    if (!isFolder && bundle === undefined) addIssue('bundle', 'folder or bundle, a path', undefined)
    if (isFolder && keys !== undefined) addIssue('keys', 'keys only with bundle', keys)
    if (isFolder && root !== undefined) addIssue('root', 'root only with bundle', root)
    if (!isFolder && keys === undefined && root === undefined) addIssue('keys', KEYS, undefined)
    if (keys !== undefined && root !== undefined) addIssue('root', 'keys or root, not both', root)
    if (root !== undefined && signatures !== 1)
      addIssue('signatures', 'signatures only with keys: the root says how many', signatures)
    if (!isFolder && activate === 'manual')
      addIssue('activate', 'on-save, since bundles are active when they are put in place', activate)
    const outside = rest['outside-folders']
    if (outside.length > 0 && (!isFolder || activate === 'manual'))
      addIssue('outside-folders', 'outside-folders only with folder and activate: on-save', outside)
    if (outside.some(one => resolve(one) === '/'))
      addIssue('outside-folders', 'folders, not the whole file system', outside)
    if (signatures > new Set(keys).size && !isFolder && root === undefined)
      addIssue('signatures', 'a number of at most that of the keys', signatures)
  })

/** The `rules` setting: a folder, or signed bundles. */
export const rulesSchema = z.union([path, mapping], EXPECTED).prefault('rules')

const DEFAULTS: ActivationConfig = { activate: 'on-save', tests: 'refuse' }

/** @param folder that paths are relative to */
export function rulesOf(
  settings: z.output<typeof rulesSchema>,
  folder: string
): Pick<Config, 'rules' | 'outsideFolders' | 'bundle' | 'activation' | 'mandates'> {
  if (typeof settings === 'string') {
    const none = { outsideFolders: [], bundle: undefined, mandates: undefined }
    return { rules: resolve(folder, settings), activation: DEFAULTS, ...none }
  }
  const { bundle, keys = [], signatures, activate, tests } = settings
  const rootFile = settings.root === undefined ? undefined : resolve(folder, settings.root)
  const { mandates: ordered } = settings
  const mandates = ordered && {
    folder: resolve(folder, ordered.folder),
    ...keysOf(ordered.keys ?? [], folder),
    rootFile: ordered.keys === undefined ? rootFile : undefined
  }
  const outsideFolders = settings['outside-folders'].map(one => resolve(folder, one))
  const others = { activation: { activate, tests }, mandates, outsideFolders }
  if (bundle === undefined)
    return { rules: resolve(folder, settings.folder!), bundle: undefined, ...others }
  const trust = { ...keysOf(keys, folder), signatures, rootFile }
  return { rules: resolve(folder, bundle), bundle: trust, ...others }
}

/** Keys, and the files with one each. */
function keysOf(
  keys: readonly string[],
  folder: string
): Pick<MandatesConfig, 'keys' | 'keyFiles'> {
  const keyFiles = keys.filter(key => !isPublicKey(key)).map(file => resolve(folder, file))
  return { keys: keys.filter(isPublicKey), keyFiles }
}
