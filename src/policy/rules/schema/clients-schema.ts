import * as z from 'zod'
import { parsedString } from '../../yaml/parsed-string.js'
import { readHost, readMac, readText } from '../../bindings/read-device.js'
import { idSchema, textSchema } from './app-schema.js'

/*
 * Schema of `clients` and `client-authorities` of `networks.yaml`: clients that are recognized by a
 * certificate, a server name or a token, or by what feeds say of the device behind an address. `docs/reference/rules.md` describes each key.
 */

/** A value, or several. */
const oneOrMore = <T>(schema: z.ZodType<T>) =>
  z.union([schema.transform(one => [one]), z.array(schema).min(1)])

/** What a certificate has to contain: literal text with at most one `*`, which stands for any text. */
const valuePattern = parsedString('a value with at most one *', text => {
  const isValid = text.trim() === text && text.length > 0 && text.length <= MAX_VALUE
  return isValid && text.split('*').length <= 2 && text !== '*' ? text : undefined
})
const MAX_VALUE = 512

const certificate = z
  .strictObject({
    authority: idSchema,
    uri: valuePattern.optional(),
    dns: valuePattern.optional(),
    subject: valuePattern.optional()
  })
  .refine(it => [it.uri, it.dns, it.subject].filter(one => one !== undefined).length === 1, {
    message: 'one of uri, dns and subject'
  })

/** How a client can be recognized. */
const WAYS = ['certificate', 'sni', 'token', 'mac', 'user', 'group', 'host', 'unknown-in'] as const

/** A label of a host name: RFC 1123 §2.1. */
const label = parsedString('a label of a host name, such as phone-17', text => {
  return /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i.test(text) ? text.toLowerCase() : undefined
})

const token = parsedString(
  'sha256: and 64 hexadecimal digits, from interdict client-token',
  text => (/^sha256:[0-9a-f]{64}$/.test(text) ? text.slice('sha256:'.length) : undefined)
)

/** In the form in which feeds' facts are compared: see `readDevice`. */
const mac = parsedString('a MAC address such as 02:00:5e:10:00:07', readMac)
const host = parsedString('a host name', readHost)
const fact = parsedString('a name without control characters', text =>
  readText(text)?.toLowerCase()
)

export const clientSchema = z
  .strictObject({
    description: textSchema.optional(),
    network: idSchema,
    certificate: oneOrMore(certificate).optional(),
    sni: oneOrMore(label).optional(),
    token: oneOrMore(token).optional(),
    mac: oneOrMore(mac).optional(),
    user: oneOrMore(fact).optional(),
    group: oneOrMore(fact).optional(),
    host: oneOrMore(host).optional(),
    /** Networks in which a device that no feed knows is this client. */
    'unknown-in': z.array(idSchema).min(1).optional(),
    /** An error: see `RULES_CLIENT_FEWER_BANS`. */
    'fewer-bans-than': z.array(idSchema).min(1).optional(),
    revoked: z.boolean().default(false)
  })
  .refine(it => WAYS.some(way => it[way] !== undefined), {
    message:
      'a certificate, sni, token, mac, user, group or host, by which the client is recognized'
  })

export const authoritySchema = z.strictObject({
  description: textSchema.optional(),
  certificate: textSchema,
  crl: oneOrMore(textSchema).optional(),
  networks: z.array(idSchema).min(1).optional()
})

export type ClientEntry = z.output<typeof clientSchema>
export type AuthorityEntry = z.output<typeof authoritySchema>
