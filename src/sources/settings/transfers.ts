import { resolve } from 'node:path'
import * as z from 'zod'
import { readName } from '../../wire/dns/name/name.js'
import { duration, size } from '../../policy/yaml/quantity.js'
import { parsedString } from '../../policy/yaml/parsed-string.js'
import type { TransfersConfig } from './sources-config.js'
import { readServer } from '../../wire/sockets/endpoint.js'

const server = parsedString(
  'an address such as 192.0.2.53, [2001:db8::53]:53 or 192.0.2.53:5353',
  readServer
)

/** Kept as text, the form in which `primaries` name a key. */
const keyName = z.string().refine(text => {
  try {
    return readName(text).length > 1
  } catch {
    return false
  }
}, 'the name of a TSIG key, a domain name')

const primary = z.strictObject({ address: server, key: keyName.optional() })

const key = z.strictObject({
  algorithm: z.enum(['hmac-sha256', 'hmac-sha512']).prefault('hmac-sha256'),
  'secret-file': z.string('a path').min(1, 'a path')
})

const id = z.string().regex(/^[a-z0-9][a-z0-9-]*$/, 'an id of a-z, 0-9 and -')

const shape = z
  .strictObject({
    primaries: z.record(id, primary).prefault({}),
    keys: z.record(keyName, key).prefault({}),
    'max-size': size('1MB', '4GB').prefault('512MB'),
    'max-time': duration('1s', '1h').prefault('5m')
  })
  .superRefine(({ primaries, keys }, context) => {
    for (const [id, { key }] of Object.entries(primaries)) {
      if (key === undefined || Object.hasOwn(keys, key)) continue
      const path = ['primaries', id, 'key']
      context.addIssue({ code: 'custom', path, message: 'a key of transfers.keys' })
    }
  })

export const transfersSchema = z.preprocess(value => value ?? {}, shape).prefault({})

/** @param folder that paths are relative to */
export function transfersOf(
  { primaries, keys, ...limits }: z.output<typeof shape>,
  folder: string
): TransfersConfig {
  return {
    primaries: Object.entries(primaries).map(([id, { address: endpoint, key }]) => {
      return { id, endpoint, key }
    }),
    keys: Object.entries(keys).map(([key, { algorithm, 'secret-file': file }]) => {
      return { key, name: readName(key), algorithm, secretFile: resolve(folder, file) }
    }),
    maxSize: limits['max-size'],
    maxTime: limits['max-time']
  }
}
