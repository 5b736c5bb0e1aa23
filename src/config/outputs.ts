import { resolve } from 'node:path'
import * as z from 'zod'
import { size } from '../document/quantity.js'
import { textAs } from '../document/text.js'
import type { OutputAddress, OutputConfig } from './config.js'

const MAX_PORT = 65_535

/** Reads `udp://192.0.2.1:514`, `tcp://name:601`, `tls://[2001:db8::1]:6514` or `unix:/path`. */
export function readOutputAddress(text: string): OutputAddress | undefined {
  const path = /^unix:(\/.+)$/.exec(text)?.[1]
  if (path !== undefined) return { kind: 'unix', host: path, port: 0 }
  const [, kind, bracketed, plain, digits] =
    /^(udp|tcp|tls):\/\/(?:\[([0-9a-f:.]+)\]|([\w.-]+)):(\d{1,5})$/i.exec(text) ?? []
  const host = bracketed ?? plain
  const port = Number(digits)
  if (kind === undefined || host === undefined || port < 1 || port > MAX_PORT) return undefined
  return { kind: kind as OutputAddress['kind'], host, port }
}

const file = z.string('a path').prefault('')

const output = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'a name of a-z, 0-9 and -'),
  type: z.enum(['syslog', 'json', 'dnstap']),
  to: textAs('udp://, tcp:// or tls:// with host and port, or unix:/path', readOutputAddress),
  which: z.enum(['all', 'blocked']).prefault('all'),
  format: z.enum(['interdict', 'sentence', 'ecs', 'ocsf']).prefault('interdict'),
  ca: file,
  cert: file,
  key: file,
  'server-name': z.string().prefault(''),
  spool: file,
  'spool-size': size('1MB', '64GB').prefault('64MB')
})

export const outputsSchema = z
  .array(output)
  .max(16)
  .superRefine((outputs, context) => {
    for (const [i, { name, type, to, cert, key }] of outputs.entries()) {
      const refuse = (at: string, message: string): void =>
        context.addIssue({ code: 'custom', path: [i, at], message })
      if (outputs.findIndex(other => other.name === name) < i) refuse('name', 'each name once')
      if (to.kind === 'udp' && type !== 'syslog') refuse('to', 'udp:// for syslog only')
      if ((cert === '') !== (key === '')) refuse(cert === '' ? 'key' : 'cert', 'both or neither')
    }
  })
  .prefault([])

/**
 * @param folder what paths are relative to
 * @param state where a restart finds what waits
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
    spool: {
      folder: rest.spool === '' ? resolve(state, 'outputs', name) : path(rest.spool),
      octets: rest['spool-size']
    }
  }))
}
