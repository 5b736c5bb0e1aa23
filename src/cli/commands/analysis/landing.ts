import { epochSeconds, systemClock } from '../../../base/time/clock.js'
import { failure } from '../../../base/errors/error.js'
import { reasonOf } from '../../../base/errors/reason.js'
import type { Config } from '../../../gateway/config/config.js'
import { readEndpoint, showEndpoint } from '../../../wire/sockets/endpoint.js'
import { FileWatcher } from '../../../gateway/compiler/file-watcher.js'
import { listPaths, readWatchState } from '../../../gateway/compiler/watch-state.js'
import { compile } from '../../../policy/compile/compile.js'
import { escapeControls } from '../../../base/log/terminal-line.js'
import { LandingServer, type LandingRules } from '../../../admin/register/landing-server.js'
import { publicBans } from '../../../admin/register/public-bans.js'
import type { RulesResult } from '../../../policy/rules/load.js'
import { parseArgument } from '../../args/parse.js'
import { loadConfiguredRules } from '../../args/configured-rules.js'
import { loadSettings, type CommonOptions } from '../../args/settings.js'
import { EXIT, rejectInput, usageError } from '../../exit.js'
import type { Io } from '../../io.js'

export interface LandingOptions extends CommonOptions {
  readonly listen: string
}

/**
 * `interdict landing`: serves the page to which `sinkhole` and `cname` bans lead, until SIGTERM or SIGINT.
 * Changed rules are read again within a second; if they are invalid, the previous ones remain.
 */
export async function landing({ listen, ...options }: LandingOptions, io: Io): Promise<number> {
  const endpoint =
    parseArgument('--listen', () => readEndpoint(listen)) ??
    usageError(`--listen: expected an address and port such as 192.0.2.80:80, found ${listen}`)
  const config = await loadSettings(options)
  const { loaded } = await loadConfiguredRules(config, io)
  if (!loaded.ok) rejectInput(loaded.errors)
  const server = new LandingServer(landingRules(loaded), () => epochSeconds(systemClock))
  let port: number
  try {
    port = await server.listen(endpoint.address, endpoint.port)
  } catch (error) {
    throw failure('SOCKET_BIND', showEndpoint(endpoint), reasonOf(error))
  }
  io.stdout.write(`landing page on http://${showEndpoint({ ...endpoint, port })}\n`)
  const reload = async (): Promise<void> => {
    const { loaded } = await loadConfiguredRules(config, io)
    if (loaded.ok) server.replace(landingRules(loaded))
    else {
      for (const { code, message } of loaded.errors)
        io.stderr.write(
          `rules rejected; previous rules remain: ${escapeControls(message)} (${code})\n`
        )
    }
    await watchRules(watcher, config, loaded)
  }
  const watcher = new FileWatcher({ onActivity: () => undefined, onChange: () => void reload() })
  await watchRules(watcher, config, loaded)
  await new Promise<void>(resolve => {
    io.onSignal(signal => {
      if (signal === 'SIGHUP') void reload()
      else resolve()
    })
  })
  watcher.close()
  await server.close()
  return EXIT.success
}

type LoadedRules = Extract<RulesResult, { ok: true }>

function landingRules({ rules }: LoadedRules): LandingRules {
  return {
    snapshot: compile(rules, { generation: 1, random: () => 0 }),
    bans: publicBans(rules, epochSeconds(systemClock)),
    register: rules.site?.register
  }
}

async function watchRules(
  watcher: FileWatcher,
  config: Config,
  loaded: RulesResult
): Promise<void> {
  const files = loaded.ok ? loaded.rules.files : []
  watcher.watch(await readWatchState([...(await listPaths(config.rules)), ...files]))
}
