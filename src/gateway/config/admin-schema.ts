import { join, resolve } from 'node:path'
import * as z from 'zod'
import { MAX_SOCKET_PATH } from '../../base/files/socket-path.js'
import type { AdminSocketConfig, Config } from './config.js'
import { isRemote } from '../../wire/sockets/endpoint.js'
import { endpoint } from './listen-schema.js'
import { oidcOf, oidcSchema } from './oidc-schema.js'
import { TOKEN_WORDS } from '../../base/files/places.js'
import { defaultSocket, TOKENS_FILE } from './default-paths.js'
import { duration } from '../../policy/yaml/quantity.js'
import { section, type SectionContext } from '../../policy/yaml/section.js'

const path = z.string('a path').min(1, 'a path')

/** The section `admin`. */
export const adminSchema = section({
  socket: z.string('a path').prefault('auto'),
  http: z.union([z.literal('').transform(() => undefined), endpoint]).prefault(''),
  tls: section({
    certificate: z.string('a path').prefault(''),
    key: z.string('a path').prefault('')
  }).superRefine(({ certificate, key }, context) => {
    if ((certificate === '') === (key === '')) return
    const path = [certificate === '' ? 'certificate' : 'key']
    context.addIssue({ code: 'custom', path, message: 'a path, as for the other of the two' })
  }),
  tokens: path.prefault('auto'),
  'ready-requires': z.array(z.enum(['policy', 'evidence'])).prefault([]),
  'max-pause': duration('1m', '1d').prefault('60m'),
  approval: z.enum(['none', 'second-person']).prefault('none'),
  dashboard: z.boolean().prefault(true),
  hub: z.string('a path').prefault(''),
  oidc: oidcSchema
}).superRefine(({ http, tls, tokens, oidc }, context) => {
  const refuse = (key: string[], message: string): void =>
    context.addIssue({ code: 'custom', path: key, message })
  const hasTls = tls.certificate !== ''
  const isAutomatic = TOKEN_WORDS.includes(tokens) && oidc === undefined
  if (!isAutomatic && !hasTls && isRemote(http)) {
    const expected = 'a loopback address such as 127.0.0.1:8053 without admin.tls'
    refuse(['http'], `${expected}, since tokens are secret`)
  }
  if (oidc === undefined) return
  if (http === undefined) refuse(['http'], 'an address for the login of admin.oidc')
  if (tokens === 'off') refuse(['tokens'], 'auto or a path, since admin.oidc needs the API')
  if (hasTls && oidc['base-url'].startsWith('http:'))
    refuse(['oidc', 'base-url'], 'https://, since there is admin.tls')
})

type Settings = z.output<typeof adminSchema>

/** @param state the state folder */
export function adminOf(
  settings: Settings,
  state: string,
  context: SectionContext
): Config['admin'] {
  const { http, tls, tokens, dashboard, oidc } = settings
  const { folder, positionOf } = context
  const hasTls = tls.certificate !== ''
  // Without TLS, tokens would cross the network in clear text.
  const isSafe = hasTls || !isRemote(http)
  const file = tokens === 'auto' && isSafe ? join(state, TOKENS_FILE) : tokens
  return {
    socket: socketOf(settings.socket, state, context),
    http,
    tls: hasTls
      ? {
          certificate: resolve(folder, tls.certificate),
          key: resolve(folder, tls.key),
          position: positionOf(['admin', 'tls', 'certificate'])
        }
      : undefined,
    tokens: TOKEN_WORDS.includes(file) ? undefined : resolve(folder, file),
    readyRequires: settings['ready-requires'],
    maxPause: settings['max-pause'],
    approval: settings.approval,
    dashboard,
    hub: settings.hub === '' ? undefined : socketPath('hub', settings.hub, context),
    oidc: oidcOf(oidc, folder, positionOf(['admin', 'oidc']))
  }
}

function socketOf(
  socket: string,
  state: string,
  context: SectionContext
): AdminSocketConfig | undefined {
  if (socket === '' || socket === 'off') return undefined
  if (socket === 'auto') return defaultSocket(state)
  const path = socketPath('socket', socket, context)
  return { paths: [path], position: context.positionOf(['admin', 'socket']) }
}

function socketPath(key: string, given: string, { folder, addError }: SectionContext): string {
  const path = resolve(folder, given)
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH)
    addError(`admin.${key}`, given, `an absolute path of at most ${MAX_SOCKET_PATH} bytes`)
  return path
}
