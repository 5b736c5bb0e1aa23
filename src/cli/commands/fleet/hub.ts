import { existsSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { hookFileErrors } from '../../../gateway/alerts/hook-files.js'
import { failure, InterdictError } from '../../../base/errors/error.js'
import { reasonOf } from '../../../base/errors/reason.js'
import { isPublicKey } from '../../../gateway/config/rules-section.js'
import { Authority, SERVER_FILE } from '../../../fleet/hub/authority.js'
import { DEFAULT_HUB_FILE, loadHubConfig } from '../../../fleet/hub/hub-config.js'
import { Hub } from '../../../fleet/hub/hub.js'
import { createServiceLog } from '../../../base/log/service-log.js'
import { proxyFileErrors } from '../../../sources/settings/proxy-files.js'
import type { CommonOptions } from '../../args/settings.js'
import { EXIT, rejectInput } from '../../exit.js'
import { print, type Io } from '../../io.js'
import { formatEndpoint } from '../../output/format.js'

/** `interdict hub`: runs the hub until SIGTERM or SIGINT. */
export async function hub(options: CommonOptions, io: Io): Promise<number> {
  const loaded = await loadHubConfig(options.config ?? DEFAULT_HUB_FILE)
  if (!loaded.ok) return rejectInput(loaded.errors)
  const { config } = loaded
  const errors = [...proxyFileErrors(config.proxy), ...hookFileErrors(config.alerts)]
  if (errors.length > 0) return rejectInput(errors)
  const log = createServiceLog({ level: 'info', destination: 'stderr' })
  const running = new Hub(config, log)
  const stopped = new Promise<void>(done => {
    io.onSignal(signal => {
      if (signal !== 'SIGHUP') done()
    })
  })
  try {
    await running.start()
    const { endpoint } = running
    const http = endpoint === undefined ? {} : { http: formatEndpoint(endpoint) }
    const rings = config.rings.map(({ name }) => name).join(', ')
    log.info({ socket: config.socket, ...http, rings }, 'hub is running')
    await stopped
  } finally {
    await running.close()
  }
  log.info({}, 'hub stopped')
  return EXIT.success
}

export interface InitOptions {
  readonly nats: readonly string[]
  readonly trust: readonly string[]
  readonly signatures: string
}

/** `interdict hub init`: settings, and keys for NATS. @throws InterdictError HUB_EXISTS, HUB_STATE */
export async function initHub(folder: string, options: InitOptions, io: Io): Promise<number> {
  const settings = join(folder, DEFAULT_HUB_FILE)
  if (existsSync(settings)) throw failure('HUB_EXISTS', settings)
  const keys = options.trust.map(key => (isPublicKey(key) ? key : resolve(key)))
  const text = `# Settings of the hub: see docs/operations/fleet.md.
nats: [${options.nats.join(', ')}]
replicas: ${options.nats.length >= 3 ? 3 : 1}
keys: [${keys.map(key => JSON.stringify(key)).join(', ')}]
signatures: ${options.signatures}
rings:
  - { name: canary, soak: 1h }
  - { name: all, soak: 1h }
http: 127.0.0.1:8054
`
  await Authority.create(join(folder, 'hub'))
  try {
    writeFileSync(settings, text, { flag: 'wx' })
  } catch (error) {
    if (error instanceof InterdictError) throw error
    throw failure('HUB_STATE', settings, reasonOf(error, settings))
  }
  const loaded = await loadHubConfig(settings)
  if (!loaded.ok) return rejectInput(loaded.errors)
  print(
    io,
    `${settings}: settings of the hub
${join(folder, 'hub')}: its keys; back them up, and keep them secret
${resolve(folder, 'hub', SERVER_FILE)}: copy it to every NATS server, and include it in its configuration
`
  )
  return EXIT.success
}
