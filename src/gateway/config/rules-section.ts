import { resolve } from 'node:path'
import * as z from 'zod'
import type { Config } from './config.js'

/** Every Ed25519 SubjectPublicKeyInfo has this prefix. RFC 8410 §4. */
const PUBLIC_KEY = /^MCowBQYDK2VwAyEA[A-Za-z0-9+/]{43}=$/

/** Whether a text is a key; otherwise it is the path of a key file. */
export const isPublicKey = (text: string): boolean => PUBLIC_KEY.test(text)

const MAX_KEYS = 16
const EXPECTED = 'a path, or a mapping with bundle, keys and signatures'
const path = z.string('a path').min(1, 'a path')

const bundle = z
  .strictObject({
    bundle: path,
    keys: z.array(z.string().min(1)).min(1, 'at least one public key').max(MAX_KEYS),
    signatures: z.int().min(1).max(MAX_KEYS).prefault(1)
  })
  .refine(({ keys, signatures }) => signatures <= new Set(keys).size, {
    path: ['signatures'],
    message: 'a number of at most that of the keys'
  })

/** The `rules` setting: a folder, or signed bundles. */
export const rulesSchema = z.union([path, bundle], EXPECTED).prefault('rules')

/** @param folder that paths are relative to */
export function rulesOf(
  settings: z.output<typeof rulesSchema>,
  folder: string
): Pick<Config, 'rules' | 'bundle'> {
  if (typeof settings === 'string') return { rules: resolve(folder, settings), bundle: undefined }
  const { bundle, keys, signatures } = settings
  const keyFiles = keys.filter(key => !isPublicKey(key)).map(file => resolve(folder, file))
  const trust = { keys: keys.filter(isPublicKey), keyFiles, signatures }
  return { rules: resolve(folder, bundle), bundle: trust }
}
