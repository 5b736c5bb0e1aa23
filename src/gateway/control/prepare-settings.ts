import { isDeepStrictEqual } from 'node:util'
import { failure, type InterdictError } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import { checkFolders, checkQueryLog } from '../config/check-folders.js'
import type { Config } from '../config/config.js'
import { isSelf, ownAddresses, showEndpoint } from '../../wire/sockets/endpoint.js'
import type { OutputConfig } from '../../lookups/settings/output-config.js'
import { checkOutput } from '../../lookups/export/check-output.js'
import type { Primary } from '../../sources/axfr/primary.js'
import type { Endpoint } from '../../wire/sockets/datagram.js'
import type { AdminInterface } from '../socket/admin-interface.js'
import type { RecorderHandle } from '../../lookups/threads/recorder-handle.js'
import { loadPrimaries } from '../../sources/refresh/primaries.js'
import { serializeError, type SerializedError } from '../../base/errors/serialized-error.js'
import type { AdminService } from './services.js'
import { mandateKeyErrors, startFileErrors } from './check-files.js'
import { loadCookieSecrets, type CookieSecrets } from '../workers/cookie-secrets.js'

/** A step that can be undone until it is in force. */
export interface Prepared {
  /** Cannot fail. */
  commit(): void
  discard(): void
}

/** What opens files and sockets of other settings. */
export interface SettingsParts {
  readonly admin: Pick<AdminInterface, 'prepare'>
  readonly http: Pick<AdminService, 'prepare'>
  readonly recorder: Pick<RecorderHandle, 'prepare'>
  /** Opens the service log. Throws the system's error. */
  readonly prepareLog: (settings: Config['log']['service']) => Prepared
}

export type PreparedSettings =
  | { readonly ok: false; readonly errors: readonly SerializedError[] }
  | ({
      readonly ok: true
      readonly cookieSecrets: CookieSecrets | undefined
      readonly primaries: readonly Primary[]
    } & Prepared)

/**
 * Does everything that may fail before settings are changed: reads secrets and keys, opens files and
 * sockets, acquires locks. With an error, nothing has changed.
 *
 * @param running the settings in force
 * @param endpoints where the gateway listens
 */
export async function prepareSettings(
  running: Config,
  next: Config,
  endpoints: readonly Endpoint[],
  parts: SettingsParts
): Promise<PreparedSettings> {
  const errors: SerializedError[] = [
    ...checkUpstreams(next, endpoints),
    ...startFileErrors(next),
    ...(await mandateKeyErrors(next)),
    ...checkWritable(running, next),
    ...next.log.outputs.filter(one => !isIn(running.log.outputs, one)).flatMap(checkOutput)
  ].map(serializeError)
  const attempt = async <T>(what: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await what()
    } catch (error) {
      errors.push(...allOf(error).map(serializeError))
      return undefined
    }
  }
  const cookieSecrets = await attempt(() => loadCookieSecrets(next.cookies))
  const primaries = (await attempt(() => loadPrimaries(next.transfers))) ?? []
  const steps: Prepared[] = []
  if (errors.length === 0) {
    const { service, queries, outputs } = next.log
    const log = await attempt(() => openServiceLog(service, parts))
    if (log !== undefined) steps.push(log)
    for (const step of [
      await parts.recorder.prepare({ settings: queries, outputs }),
      await parts.admin.prepare(next.admin.socket),
      await parts.http.prepare(next)
    ]) {
      errors.push(...step.errors)
      steps.push(step)
    }
  }
  if (errors.length > 0) {
    for (const step of steps) step.discard()
    return { ok: false, errors }
  }
  const commit = (): void => steps.forEach(step => step.commit())
  const discard = (): void => steps.forEach(step => step.discard())
  return { ok: true, cookieSecrets, primaries, commit, discard }
}

function openServiceLog(
  settings: Config['log']['service'],
  { prepareLog }: SettingsParts
): Prepared {
  try {
    return prepareLog(settings)
  } catch (error) {
    const { destination } = settings
    const path = destination === 'stderr' ? destination : destination.path
    throw failure('CLI_SERVICE_LOG', path, reasonOf(error))
  }
}

/** Upstreams that are this gateway itself until a change of `listen` takes effect: the settings do not show it. */
function checkUpstreams({ upstreams, remoteLists }: Config, endpoints: readonly Endpoint[]) {
  const own = ownAddresses()
  const all = [
    ...upstreams.servers,
    ...upstreams.forward.flatMap(({ servers }) => servers),
    ...remoteLists.bootstrap
  ]
  return all
    .filter(server => endpoints.some(at => isSelf(at, server, own)))
    .map(server => failure('CONFIG_SELF', showEndpoint(server)))
}

/** What could be written with the settings in force, and cannot with the new ones. */
function checkWritable(running: Config, next: Config): readonly InterdictError[] {
  const known = new Set(checkFolders(running).map(({ message }) => message))
  const folders = checkFolders(next).filter(({ message }) => !known.has(message))
  const isSame = next.log.queries.path === running.log.queries.path
  return folders.length > 0 || isSame ? folders : checkQueryLog(next)
}

function isIn(outputs: readonly OutputConfig[], one: OutputConfig): boolean {
  return outputs.some(other => isDeepStrictEqual(other, one))
}

function allOf(error: unknown): readonly unknown[] {
  return error instanceof AggregateError ? (error.errors as unknown[]) : [error]
}
