import * as z from 'zod'
import { readName } from '../../../wire/dns/name/name.js'
import { sentence } from '../../yaml/issues.js'
import { duration, size } from '../../yaml/quantity.js'
import { parsedString } from '../../yaml/parsed-string.js'
import { idSchema } from './app-schema.js'
import { LIST_FORMATS } from '../model/list-format.js'

/** Control characters are reserved for internal file names: see `copyName`. */
const path = z
  .string('a path')
  .min(1, 'a path')
  .refine(text => !/\p{Cc}/u.test(text), 'a path')

const LIST_URL = 'a URL such as https://… or file:///…, without user and fragment'
const listUrl = parsedString(LIST_URL, text => readListUrl(text, ['https:', 'http:', 'file:']))

const MISP_URL =
  'the URL of a MISP server such as https://misp.example, without user, query and fragment'
const mispUrl = parsedString(MISP_URL, text => {
  const url = readListUrl(text, ['https:'])
  return url === undefined || url.includes('?') ? undefined : url.replace(/\/+$/, '')
})

const zoneName = parsedString('the name of a zone such as rpz.example', text => {
  const name = readName(text)
  return name.length > 1 ? name : undefined
})

/** Base64 of `ED` or `Ed`, a key number and an Ed25519 key: 42 octets. */
const minisignKey = z
  .string('a minisign public key')
  .regex(/^RW[A-Za-z0-9+/]{54}$/, 'a minisign public key: 56 letters and digits, starting with RW')

/** Keys that apply only to downloaded lists. */
const REMOTE_KEYS = ['refresh', 'sha256', 'minisign', 'signature-url', 'max-shrink'] as const

/** Those of them that apply to MISP as well. */
const MISP_KEYS: readonly string[] = ['refresh', 'max-shrink']
/** Where MISP is asked for indicators. */
const MISP_PATH = '/attributes/restSearch'

/** Keys for feeds of indicators. */
const FEED_KEYS = ['min-confidence', 'valid-for'] as const

/** An entry of `lists` in `networks.yaml`. */
export const listEntrySchema = z
  .strictObject({
    file: path.optional(),
    folder: path.optional(),
    url: listUrl.optional(),
    misp: mispUrl.optional(),
    transfer: zoneName.optional(),
    primaries: z.array(idSchema).min(1).optional(),
    format: z.enum(['auto', ...LIST_FORMATS]).default('auto'),
    'may-be-empty': z.boolean().default(false),
    'min-confidence': z.number().min(0).max(100).optional(),
    'valid-for': duration('1m', '3650d').optional(),
    'max-size': size('1KB', '1GB').prefault('256MB'),
    'max-time': duration('1s', '1h').prefault('5m'),
    refresh: duration('1m', '30d').optional(),
    sha256: z
      .string('64 hexadecimal digits')
      .regex(/^[\da-f]{64}$/i, '64 hexadecimal digits')
      .transform(text => text.toLowerCase())
      .optional(),
    minisign: minisignKey.optional(),
    'signature-url': listUrl.optional(),
    'max-shrink': z.int().min(0).max(100).optional()
  })
  .superRefine((entry, context) => {
    const reject = (path: string[], message: string): void =>
      context.addIssue({ code: 'custom', path, ...sentence(message) })
    const { file, folder, url, misp, transfer } = entry
    const sources = [file, folder, url, misp, transfer].filter(one => one !== undefined)
    if (sources.length !== 1)
      reject([], 'expected exactly one of file, folder, url, misp and transfer')
    if (transfer !== undefined && entry.format !== 'auto' && entry.format !== 'rpz') {
      reject(['format'], 'a transferred zone must have format rpz')
    }
    if (transfer === undefined && entry.primaries !== undefined) {
      reject(['primaries'], 'only allowed together with transfer')
    }
    const isProven = entry.sha256 !== undefined || entry.minisign !== undefined
    if (entry.url?.startsWith('http:') === true && !isProven) {
      reject(['url'], 'plain HTTP can be tampered with; use https://, or add sha256 or minisign')
    }
    if (entry['signature-url'] !== undefined && entry.minisign === undefined) {
      reject(['signature-url'], 'needs minisign, the public key, as well')
    }
    for (const key of FEED_KEYS) {
      const isFeed = entry.format === 'feed' || entry.format === 'auto'
      if (!isFeed && entry[key] !== undefined) reject([key], 'only allowed with format feed')
    }
    if (misp !== undefined && entry.format !== 'auto' && entry.format !== 'feed') {
      reject(['format'], 'indicators from MISP have format feed')
    }
    for (const key of REMOTE_KEYS) {
      const isAllowed = url !== undefined || (misp !== undefined && MISP_KEYS.includes(key))
      if (!isAllowed && entry[key] !== undefined) reject([key], 'only allowed together with url')
    }
  })
  // Everything but the download is as for other lists that are fetched.
  .transform(({ misp, ...entry }) =>
    misp === undefined
      ? { ...entry, isMisp: false }
      : { ...entry, url: `${misp}${MISP_PATH}`, format: 'feed' as const, isMisp: true }
  )

function readListUrl(text: string, schemes: readonly string[]): string | undefined {
  if (!/^[!-~]+$/.test(text) || !URL.canParse(text)) return undefined
  const { href, protocol, host, hash, username, password } = new URL(text)
  if (!schemes.includes(protocol) || hash + username + password !== '') return undefined
  return (protocol === 'file:') === (host === '') ? href : undefined
}
