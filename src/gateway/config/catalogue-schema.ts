import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import * as z from 'zod'
import { duration } from '../../policy/yaml/quantity.js'
import type { CatalogueConfig } from './config.js'
import { isPublicKey, type rulesSchema } from './rules-section.js'

const MAX_KEYS = 16
const off = z.literal('off', 'off')
const isHttp = (text: string): boolean => /^[a-z]+:\/\//i.test(text)

/** The section `catalogue`. */
export const catalogueSchema = z
  .union(
    [
      off,
      z.strictObject({
        url: z
          .string('a path, or a URL that begins with https://')
          .min(1, 'a path, or a URL that begins with https://')
          .refine(
            text => !isHttp(text) || (text.startsWith('https://') && URL.canParse(text)),
            'a path, or a URL that begins with https://'
          ),
        keys: z.array(z.string().min(1)).min(1, 'at least one public key').max(MAX_KEYS),
        interval: z.union([off, duration('1m', '30d')], 'off, or a duration').prefault('1d'),
        'monitor-new-names': duration('0s', '30d').prefault('1d'),
        version: z.string('a version in quotes').prefault('')
      })
    ],
    'off, or a mapping with url and keys'
  )
  .prefault('off')

type Settings = z.output<typeof catalogueSchema>

/** @param folder that paths are relative to */
export function catalogueOf(settings: Settings, folder: string): CatalogueConfig | undefined {
  if (settings === 'off') return undefined
  const { url, keys, interval, 'monitor-new-names': monitored, version } = settings
  const keyFiles = keys.filter(key => !isPublicKey(key)).map(file => resolve(folder, file))
  return {
    url: isHttp(url) ? url : pathToFileURL(resolve(folder, url)).href,
    trust: { keys: keys.filter(isPublicKey), keyFiles, signatures: 1 },
    interval: interval === 'off' ? undefined : interval,
    monitored,
    version: version === '' ? undefined : version
  }
}

/** The mistakes of a catalogue beside certain rules: `[path, expected]`. */
export function catalogueIssues(
  catalogue: Settings,
  rules: z.output<typeof rulesSchema>
): readonly (readonly [readonly (string | number)[], string])[] {
  if (catalogue === 'off' || typeof rules === 'string') return []
  if (rules.bundle !== undefined)
    return [[['catalogue'], 'off, since a bundle has the catalogue with which it was made']]
  const others = rules.mandates?.keys ?? []
  return catalogue.keys.flatMap((key, i) =>
    others.includes(key)
      ? [[['catalogue', 'keys', i], 'a key of catalogues alone, not one of mandates'] as const]
      : []
  )
}
