import { resolve } from 'node:path'
import * as z from 'zod'
import { size } from '../../policy/yaml/quantity.js'
import { parsedString } from '../../policy/yaml/parsed-string.js'
import type { OutputAddress, OutputConfig } from './output-config.js'

const MAX_PORT = 65_535

/** Default ports of URLs, and the default path of OTLP over HTTP. */
const URL_PORT = { http: 80, https: 443 } as const
const OTLP_PATH = '/v1/logs'

/**
 * Reads `udp://192.0.2.1:514`, `tcp://name:601`, `tls://[2001:db8::1]:6514` or `unix:/path`; or a URL.
 * `https://collector.example:4318` is short for `https://collector.example:4318/v1/logs`.
 */
export function readOutputAddress(text: string): OutputAddress | undefined {
  const socket = /^unix:(\/.+)$/.exec(text)?.[1]
  if (socket !== undefined) return { kind: 'unix', host: socket, port: 0, path: '' }
  const [, kind, bracketed, plain, digits, path = ''] =
    /^(\w+):\/\/(?:\[([0-9a-fA-F:.]+)\]|([\w.-]+))(?::(\d{1,5}))?(\/[!-~]*)?$/.exec(text) ?? []
  const host = bracketed ?? plain
  if (host === undefined) return undefined
  if (kind === 'http' || kind === 'https') {
    const port = Number(digits ?? URL_PORT[kind])
    const fullPath = path === '' || path === '/' ? OTLP_PATH : path
    return isPort(port) ? { kind, host, port, path: fullPath } : undefined
  }
  const isSocket = kind === 'udp' || kind === 'tcp' || kind === 'tls'
  const port = Number(digits)
  return isSocket && path === '' && isPort(port) ? { kind, host, port, path } : undefined
}

function isPort(port: number): boolean {
  return port >= 1 && port <= MAX_PORT
}

const file = z.string('a path').prefault('')

const output = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'a name of a-z, 0-9 and -'),
  type: z.enum(['syslog', 'json', 'dnstap', 'otlp']),
  to: parsedString(
    'udp://, tcp:// or tls:// with host and port, unix:/path, http:// or https://',
    readOutputAddress
  ),
  which: z.enum(['all', 'blocked']).prefault('all'),
  format: z.enum(['interdict', 'sentence', 'ecs', 'ocsf']).prefault('interdict'),
  ca: file,
  cert: file,
  key: file,
  headers: file,
  compression: z.enum(['none', 'gzip']).prefault('none'),
  'server-name': z.string().prefault(''),
  spool: file,
  'spool-size': size('1MB', '64GB').prefault('64MB')
})

export const outputsSchema = z
  .array(output)
  .max(16)
  .superRefine((outputs, context) => {
    for (const [i, { name, type, to, cert, key, headers, compression }] of outputs.entries()) {
      const refuse = (at: string, message: string): void =>
        context.addIssue({ code: 'custom', path: [i, at], message })
      if (outputs.findIndex(other => other.name === name) < i) refuse('name', 'each name once')
      if (to.kind === 'udp' && type !== 'syslog') refuse('to', 'udp:// for syslog only')
      const isUrl = to.kind === 'http' || to.kind === 'https'
      if (type === 'otlp' && !isUrl) refuse('to', 'http:// or https:// for otlp')
      if (type !== 'otlp' && isUrl) refuse('to', 'http:// and https:// for otlp only')
      if (type !== 'otlp' && headers !== '') refuse('headers', 'headers for otlp only')
      if (type !== 'otlp' && compression !== 'none')
        refuse('compression', 'compression for otlp only')
      if ((cert === '') !== (key === '')) refuse(cert === '' ? 'key' : 'cert', 'both or neither')
    }
  })
  .prefault([])

/**
 * @param folder that paths are relative to
 * @param state the state folder, which has the default spools
 */
export function outputsOf(
  outputs: z.output<typeof outputsSchema>,
  folder: string,
  state: string
): OutputConfig[] {
  const path = (text: string): string => (text === '' ? '' : resolve(folder, text))
  return outputs.map(({ name, type, to, which, format, ca, cert, key, ...rest }) => ({
    ...{ name, type, to, which, format },
    tls: {
      ...{ ca: path(ca), cert: path(cert), key: path(key) },
      serverName: rest['server-name'] === '' ? to.host : rest['server-name']
    },
    headers: path(rest.headers),
    compression: rest.compression,
    spool: {
      folder: rest.spool === '' ? resolve(state, 'outputs', name) : path(rest.spool),
      octets: rest['spool-size']
    }
  }))
}
