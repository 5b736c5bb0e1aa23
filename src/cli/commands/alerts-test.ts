import { testMessage } from '../../alerts/alert-body.js'
import { postAlert } from '../../alerts/post-alert.js'
import { InterdictError } from '../../base/error.js'
import { gatewayName } from '../../daemon/alerts/alerts.js'
import { bootstrapServers, configuredUpstreams } from '../../daemon/control/configured-upstreams.js'
import { escapeControls } from '../../querylog/record/terminal-line.js'
import { BootstrapResolver } from '../../sources/http/bootstrap-resolver.js'
import { loadSettings, type CommonOptions } from '../args/settings.js'
import { EXIT } from '../exit.js'
import { print, printJson, type Io } from '../io.js'

export interface AlertsTestOptions extends CommonOptions {
  readonly json?: boolean
}

interface Result {
  readonly hook: string
  /** Null: not sent. */
  readonly status: number | null
  readonly error: { readonly code: string; readonly message: string } | null
}

/**
 * `interdict alerts test`: sends an alert with the event `test` to each hook of the settings, once, by itself: it
 * needs no running gateway.
 */
export async function testAlerts(options: AlertsTestOptions, io: Io): Promise<number> {
  const config = await loadSettings(options)
  const message = testMessage(gatewayName(config))
  const resolver = await BootstrapResolver.open(
    bootstrapServers(config, configuredUpstreams(config).upstreams)
  )
  const results = await Promise.all(
    config.alerts.map(async (hook): Promise<Result> => {
      const { name } = hook
      try {
        return { hook: name, status: await postAlert(hook, message, resolver.lookup), error: null }
      } catch (error) {
        const { code, message } = error as InterdictError
        return { hook: name, status: null, error: { code, message } }
      }
    })
  )
  resolver.close()
  const ok = results.every(({ error }) => error === null)
  if (options.json === true) printJson(io, { ok, hooks: results })
  else if (results.length === 0) print(io, 'no hooks: the settings have no alerts\n')
  else for (const result of results) printResult(result, io)
  return ok ? EXIT.success : EXIT.failure
}

function printResult({ hook, status, error }: Result, io: Io): void {
  if (error === null) print(io, `${hook}: sent, HTTP status ${status}\n`)
  else io.stderr.write(`${escapeControls(error.message)} (${error.code})\n`)
}
