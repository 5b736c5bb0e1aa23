import { join, resolve } from 'node:path'
import * as z from 'zod'
import type { Position } from '../../base/errors/position.js'
import { duration } from '../../policy/yaml/quantity.js'
import type { AcmeChallenge, AcmeConfig } from './acme-config.js'
import { endpoint } from './listen-schema.js'
import { hostName, ipAddress } from '../../policy/yaml/host-name.js'

const MAX_NAMES = 100
const path = z.string('a path')
const expectedName = 'a host name such as dns.example, or an address'
const url = z.string().refine(text => {
  return text === '' || (text.startsWith('https:') && URL.canParse(text))
}, 'an https URL')
const mail = z.string().regex(/^[^\s@:?,]+@[^\s@:?,]+$/, 'a mail address')

/** The section `acme`. See `docs/reference/settings.md`. */
export const acmeSchema = z
  .preprocess(
    value => value ?? {},
    z
      .strictObject({
        directory: url.prefault(''),
        'ca-file': path.prefault(''),
        'account-key': path.prefault('auto'),
        contact: z.array(mail).max(16).prefault([]),
        'accept-terms': z.boolean().prefault(false),
        'external-account': z
          .preprocess(
            value => value ?? {},
            z.strictObject({ id: z.string().prefault(''), 'key-file': path.prefault('') })
          )
          .prefault({}),
        names: z
          .array(z.union([hostName, ipAddress], expectedName))
          .max(MAX_NAMES)
          .prefault([]),
        challenge: z.enum(['http-01', 'dns-01']).prefault('http-01'),
        'http-listen': endpoint.prefault('[::]:80'),
        'dns-hook': path.prefault(''),
        'dns-wait': duration('0s', '30m').prefault('0s'),
        certificate: path.prefault(''),
        key: path.prefault('')
      })
      .superRefine((acme, context) => {
        const refuse = (at: string[], message: string): void =>
          context.addIssue({ code: 'custom', path: at, message })
        const { certificate, key, challenge, 'external-account': account } = acme
        const other = 'a path, as for the other of the two'
        if ((certificate === '') !== (key === ''))
          refuse([certificate === '' ? 'certificate' : 'key'], other)
        if ((account.id === '') !== (account['key-file'] === ''))
          refuse(['external-account'], 'both id and key-file, or neither')
        if (challenge === 'dns-01' && acme['dns-hook'] === '')
          refuse(['dns-hook'], 'the path of a program, since challenge is dns-01')
      })
  )
  .prefault({})

/**
 * Undefined without a directory.
 *
 * @param folder that paths are relative to
 * @param state the folder of the account key by default
 */
export function acmeOf(
  settings: z.output<typeof acmeSchema>,
  folder: string,
  state: string,
  positionOf: (path: readonly string[]) => Position
): AcmeConfig | undefined {
  const { directory, contact, names, certificate, key } = settings
  if (directory === '') return undefined
  const accountKey = settings['account-key']
  const { id: keyId, 'key-file': keyFile } = settings['external-account']
  const caFile = settings['ca-file']
  return {
    ...{ directory, contact, names },
    position: positionOf(['acme', 'directory']),
    caFile: caFile === '' ? undefined : resolve(folder, caFile),
    accountKey:
      accountKey === 'auto' ? join(state, 'acme-account.key') : resolve(folder, accountKey),
    acceptsTerms: settings['accept-terms'],
    externalAccount: keyId === '' ? undefined : { keyId, keyFile: resolve(folder, keyFile) },
    challenge: challengeOf(settings, folder),
    files:
      certificate === ''
        ? undefined
        : { certificate: resolve(folder, certificate), key: resolve(folder, key) }
  }
}

function challengeOf(settings: z.output<typeof acmeSchema>, folder: string): AcmeChallenge {
  return settings.challenge === 'http-01'
    ? { type: 'http-01', listen: settings['http-listen'] }
    : { type: 'dns-01', hook: resolve(folder, settings['dns-hook']), wait: settings['dns-wait'] }
}
