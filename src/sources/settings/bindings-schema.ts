import { resolve } from 'node:path'
import * as z from 'zod'
import { prefixHint, readPrefix } from '../../base/values/address.js'
import { parsedString } from '../../policy/yaml/parsed-string.js'
import { readEndpoint } from '../../wire/sockets/endpoint.js'
import { duration } from '../../policy/yaml/quantity.js'
import type { SectionContext } from '../../policy/yaml/section.js'
import type { BindingsConfig } from './bindings-config.js'

const path = z.string('a path').min(1, 'a path')
const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'a name of a-z, 0-9 and -')

const endpoint = parsedString('an address and port such as 192.0.2.1:1813', readEndpoint)
const nas = z.strictObject({
  address: parsedString('a prefix such as 192.0.2.0/24 or 192.0.2.1', readPrefix, prefixHint),
  'secret-file': path
})

const feed = z
  .strictObject({
    name,
    type: z.enum(['kea', 'dnsmasq', 'json', 'radius']),
    file: path.optional(),
    socket: path.optional(),
    http: z.boolean().prefault(false),
    listen: endpoint.optional(),
    nas: z.array(nas).min(1).max(1000).optional(),
    'message-authenticator': z.enum(['required', 'optional']).prefault('required'),
    family: z.union([z.literal(4), z.literal(6)], '4 or 6').prefault(4),
    every: duration('1s', '1h').prefault('5s'),
    lifetime: duration('1s', '365d').prefault('12h')
  })
  .superRefine(({ type, file, socket, http, listen, nas }, context) => {
    if (type === 'radius') {
      if (listen === undefined)
        context.addIssue({ code: 'custom', path: ['listen'], message: 'an address and port' })
      if (nas === undefined)
        context.addIssue({
          code: 'custom',
          path: ['nas'],
          message: 'a list of address and secret-file'
        })
      if (file !== undefined || socket !== undefined || http)
        context.addIssue({
          code: 'custom',
          path: ['type'],
          message: 'no file, socket or http with radius'
        })
      return
    }
    if (listen !== undefined || nas !== undefined)
      context.addIssue({
        code: 'custom',
        path: ['listen'],
        message: 'listen and nas with radius only'
      })
    const given = [file !== undefined, socket !== undefined, http].filter(Boolean)
    if (given.length !== 1)
      context.addIssue({
        code: 'custom',
        path: ['file'],
        message: 'a file, a socket or http: true'
      })
    if (http && type !== 'json')
      context.addIssue({ code: 'custom', path: ['http'], message: 'http with json only' })
    if (type === 'dnsmasq' && socket !== undefined)
      context.addIssue({
        code: 'custom',
        path: ['socket'],
        message: 'a file: dnsmasq has no socket'
      })
  })

const shape = z
  .strictObject({
    feeds: z.array(feed).max(64).prefault([]),
    skew: duration('0s', '1m').prefault('5s'),
    limit: z.int().min(1).max(4_000_000).prefault(200_000)
  })
  .superRefine(({ feeds }, context) => {
    const names = feeds.map(one => one.name)
    for (const [i, one] of names.entries())
      if (names.indexOf(one) < i)
        context.addIssue({
          code: 'custom',
          path: ['feeds', i, 'name'],
          message: 'a name of its own'
        })
  })

/** The section `bindings`. */
export const bindingsSchema = z.preprocess(value => value ?? {}, shape).prefault({})

export function bindingsOf(
  { feeds, skew, limit }: z.output<typeof shape>,
  { folder, positionOf }: SectionContext
): BindingsConfig {
  return {
    feeds: feeds.map(
      ({ name, type, family, every, lifetime, file, socket, http, listen, ...feed }, i) => ({
        ...{ name, type, family, every, lifetime, http, listen },
        nas: (feed.nas ?? []).map(({ address, 'secret-file': secret }) => {
          return { prefix: address, secretFile: resolve(folder, secret) }
        }),
        needsMessageAuthenticator: feed['message-authenticator'] === 'required',
        file: file === undefined ? undefined : resolve(folder, file),
        socket: socket === undefined ? undefined : resolve(folder, socket),
        position: positionOf(['bindings', 'feeds', i])
      })
    ),
    skew,
    limit
  }
}
