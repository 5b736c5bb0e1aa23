import { testHooks, type TestResult } from '../../../gateway/alerts/test-hooks.js'
import { gatewayName } from '../../../gateway/alerts/alerts.js'
import {
  bootstrapServers,
  configuredUpstreams
} from '../../../gateway/upstreams/configured-upstreams.js'
import { escapeControls } from '../../../base/log/terminal-line.js'
import { BootstrapResolver } from '../../../sources/http/bootstrap-resolver.js'
import { hubClient, type HubOptions } from '../../args/hub-options.js'
import { loadSettings, type CommonOptions } from '../../args/settings.js'
import { EXIT } from '../../exit.js'
import { print, printJson, type Io } from '../../io.js'

/**
 * `interdict alerts test`: sends an alert with the event `test` to each hook of the settings, once, by itself: it
 * needs no running gateway. With `--hub`, the hub sends it to its own.
 */
export async function testAlerts(options: HubOptions, io: Io): Promise<number> {
  const results = options.hub === undefined ? await testOwn(options) : await testOfHub(options)
  const ok = results.every(({ error }) => error === null)
  if (options.json === true) printJson(io, { ok, hooks: results })
  else if (results.length === 0) print(io, 'no hooks: the settings have no alerts\n')
  else for (const result of results) printResult(result, io)
  return ok ? EXIT.success : EXIT.failure
}

async function testOwn(options: CommonOptions): Promise<readonly TestResult[]> {
  const config = await loadSettings(options)
  const resolver = BootstrapResolver.open(
    bootstrapServers(config, configuredUpstreams(config).upstreams)
  )
  const results = await testHooks(config.alerts, gatewayName(config), resolver.lookup)
  resolver.close()
  return results
}

/** @throws InterdictError HUB_SILENT */
async function testOfHub(options: HubOptions): Promise<readonly TestResult[]> {
  const client = await hubClient(options)
  return (await client.post<{ hooks: readonly TestResult[] }>('/v1/alert-tests', {})).hooks
}

function printResult({ hook, status, error }: TestResult, io: Io): void {
  if (error === null) print(io, `${hook}: sent, HTTP status ${status}\n`)
  else io.stderr.write(`${escapeControls(error.message)} (${error.code})\n`)
}
