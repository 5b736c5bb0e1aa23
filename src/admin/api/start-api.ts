import type { RequestListener } from 'node:http'
import type { Clock } from '../../base/time/clock.js'
import { failure, InterdictError, type ErrorCode } from '../../base/errors/error.js'
import type { Config } from '../../gateway/config/config.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { ControlRequest } from '../../gateway/socket/admin-protocol.js'
import type { StatusReply } from '../../gateway/status/health.js'
import type { ControlClient } from '../http/control-client.js'
import { Login } from '../login/login.js'
import type { Probes } from '../metrics/probes.js'
import { TokenStore } from '../tokens/token-store.js'
import { ActiveRulesClient } from './active-rules.js'
import { createApi } from './api.js'
import { CommandRunner, type CommandProgress } from '../../gateway/processes/commands.js'
import { checkResult } from '../../gateway/processes/messages.js'
import type { RequestOf } from '../../gateway/processes/requests.js'
import { CONTROL_TIMEOUT } from './route.js'
import { ROUTES } from './routes.js'
import type { ActiveRules, ApiServices } from './api-services.js'
import { SharedCommands } from './shared-commands.js'

export interface StartApiOptions {
  /** Path of the token file. */
  readonly tokens: string
  /** Path of the program. */
  readonly program: string
  /** The settings in force; `admin` as it was at the start, since a change needs a restart. */
  readonly settings: { config(): Config; readonly admin: Config['admin'] }
  readonly control: ControlClient
  readonly probes: Probes
  readonly trend: ApiServices['trend']
  readonly changes: ApiServices['changes']
  readonly reads: ApiServices['reads']
  readonly log: ServiceLog
  readonly clock: Clock
}

/** Starts the API with all that it needs. */
export async function startApi(options: StartApiOptions): Promise<RequestListener> {
  const { program, tokens, settings, control, probes, trend, changes, reads, log, clock } = options
  const store = new TokenStore(tokens, clock, log)
  await store.open()
  const request = async <Result>(
    request: ControlRequest,
    timeout = CONTROL_TIMEOUT
  ): Promise<Result> => {
    const reply = await control.request<Result>(request, timeout)
    if (reply === undefined) throw failure('API_CONTROL_SILENT')
    if (reply.ok) return reply.result
    throw new InterdictError(reply.code as ErrorCode, reply.message)
  }
  const status = async (): Promise<StatusReply> => {
    const status = await probes.status()
    if (status === undefined) throw failure('API_CONTROL_SILENT')
    return status
  }
  const active = new ActiveRulesClient(request)
  const rules = (): Promise<ActiveRules> => active.get()
  const commands = new CommandRunner(program, () => settings.config())
  const command: ApiServices['command'] = (name, request, signal, onProgress) =>
    commands.run(name, request, result => checkResult(name, result), signal, onProgress)
  const exported: ApiServices['exported'] = (request, take, signal, onProgress) => {
    const check = (result: unknown) => checkResult('export', result)
    return commands.run('export', request, check, signal, onProgress, take)
  }
  const shared = new SharedCommands(
    (request: RequestOf<'report'>, signal, onProgress: (progress: CommandProgress) => void) =>
      command('report', request, signal, onProgress)
  )
  const report: ApiServices['report'] = (...request) => shared.run(...request)
  const { oidc, dashboard } = settings.admin
  const login = oidc && new Login(oidc, clock, log, { changes, ...(dashboard && { home: '/' }) })
  const services: ApiServices = {
    get config() {
      return settings.config()
    },
    ...{ log, login, trend, changes, reads, status, rules, command, exported, report },
    control: request
  }
  const authenticators = [store, ...(login ? [login.sessions] : [])]
  const api = await createApi({ routes: ROUTES, services, authenticators, clock })
  return (request, response) => api.routing(request, response)
}
