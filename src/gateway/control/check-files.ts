import { X509Certificate } from 'node:crypto'
import { accessSync, constants, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { smtpFileErrors } from '../../analysis/settings/smtp-files.js'
import { failure, failureAt, type InterdictError } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import { MAX_SECRET_FILE, readBoundedFileSync } from '../../base/files/bounded-file.js'
import { isOpenToOthers } from '../../base/files/file-mode.js'
import { fileUnwritable, folderUnwritable } from '../../base/files/writable.js'
import { checkOutput } from '../../lookups/export/check-output.js'
import { checkChainFiles } from '../../lookups/threads/chain-files.js'
import { readConfiguredKeys } from '../../sources/bundle/trusted-keys.js'
import { proxyFileErrors } from '../../sources/settings/proxy-files.js'
import { loadPrimaries } from '../../sources/refresh/primaries.js'
import { readHeaderFile } from '../../wire/http/header-file.js'
import { checkTicketSecret } from '../../wire/tls/ticket-keys.js'
import { hookFileErrors } from '../alerts/hook-files.js'
import { checkFolders, checkQueryLog } from '../config/check-folders.js'
import type { Config } from '../config/config.js'
import { oidcFileErrors } from '../config/provider-files.js'
import { loadCookieSecrets } from '../workers/cookie-secrets.js'

/** Errors in files that prevent a start and a reload of the settings, except files that a reloader reads. */
export function startFileErrors({ log, alerts, smtp, admin }: Config): readonly InterdictError[] {
  return [
    ...checkChainFiles(log.queries),
    ...hookFileErrors(alerts),
    ...smtpFileErrors(smtp),
    ...oidcFileErrors(admin.oidc)
  ]
}

/** Errors in the public keys of mandates. */
export async function mandateKeyErrors(
  config: Pick<Config, 'mandates'>
): Promise<readonly InterdictError[]> {
  const { mandates } = config
  if (mandates === undefined || mandates.rootFile !== undefined) return []
  return readConfiguredKeys({ ...mandates, signatures: 1 }).then(
    () => [],
    (error: unknown) => [error as InterdictError]
  )
}

/** Errors in the public keys of catalogues, which only updates need. */
async function catalogueKeyErrors({
  catalogue
}: Pick<Config, 'catalogue'>): Promise<readonly InterdictError[]> {
  if (catalogue === undefined) return []
  return readConfiguredKeys(catalogue.trust).then(
    () => [],
    (error: unknown) => [error as InterdictError]
  )
}

/** KEY_FILE_MODE for each private key or secret that every user of the machine may read, but for keys of listeners. */
export function openKeyFiles({ keyFiles, tls, listen, admin }: Config): readonly InterdictError[] {
  const listeners = [...listen.flatMap(({ certificates }) => certificates ?? []), admin.tls]
  const ofListeners = new Set(listeners.map(one => one?.key))
  const { path: file, position } = tls.ticketSecret ?? {}
  const tickets = file === undefined || position === undefined ? [] : [{ file, position }]
  return [...tickets, ...keyFiles]
    .filter(({ file }) => !ofListeners.has(file) && isOpenToOthers(file))
    .map(({ file, position }) => failureAt(position, 'KEY_FILE_MODE', file))
}

/**
 * Errors in all files and folders that the settings name, except rules and certificates. Writes nothing and opens
 * no socket. Some of these errors do not prevent a start, only the function that needs the file.
 */
export async function checkFiles(config: Config): Promise<readonly InterdictError[]> {
  const { cookies, transfers, tls, log } = config
  return [
    ...startFileErrors(config),
    ...openKeyFiles(config),
    ...proxyFileErrors(config.proxy),
    ...(await errorsOf(loadCookieSecrets(cookies))),
    ...(await errorsOf(loadPrimaries(transfers))),
    ...(await catalogueKeyErrors(config)),
    ...(await checkTicketSecret(tls.ticketSecret)),
    ...checkServiceLog(log.service),
    ...checkFolders(config),
    ...checkQueryLog(config),
    ...log.outputs.flatMap(checkOutput),
    ...laterFiles(config).flatMap(checkFile)
  ]
}

async function errorsOf(reading: Promise<unknown>): Promise<readonly InterdictError[]> {
  try {
    await reading
    return []
  } catch (error) {
    if (error instanceof AggregateError) return error.errors as InterdictError[]
    throw error
  }
}

function checkServiceLog({ destination }: Config['log']['service']): readonly InterdictError[] {
  if (destination === 'stderr') return []
  const { path } = destination
  const why = fileUnwritable(path) ?? folderUnwritable(dirname(path))
  return why === undefined ? [] : [failure('CLI_SERVICE_LOG', path, why)]
}

/** A file that is read when it is needed, after the start. */
interface LaterFile {
  readonly key: string
  readonly file: string | undefined
  readonly kind: 'secret' | 'headers' | 'certificates' | 'program'
}

function laterFiles({
  remoteLists,
  acme,
  fleet,
  probe,
  bindings,
  egress
}: Config): readonly LaterFile[] {
  const credentials = fleet?.nats?.credentials ?? fleet?.reports?.credentials
  const caFile = fleet?.nats?.caFile ?? fleet?.pull?.caFile ?? fleet?.reports?.caFile
  const own = fleet?.nats?.certificate
  const { challenge } = acme ?? {}
  const hook = challenge?.type === 'dns-01' ? challenge.hook : undefined
  return [
    { key: 'probe.ca-file', file: probe.caFile, kind: 'certificates' },
    { key: 'remote-lists.ca-file', file: remoteLists.caFile, kind: 'certificates' },
    ...Object.entries(remoteLists.headerFiles ?? {}).map(([host, file]): LaterFile => {
      return { key: `remote-lists.headers.${host}`, file, kind: 'headers' }
    }),
    ...bindings.feeds.flatMap(({ name, nas }) =>
      nas.map(({ secretFile: file }): LaterFile => {
        return { key: `bindings.feeds ${name} secret-file`, file, kind: 'secret' }
      })
    ),
    { key: 'egress.export-key', file: egress.exportKey, kind: 'secret' },
    { key: 'fleet.credentials', file: credentials, kind: 'secret' },
    { key: 'fleet.ca-file', file: caFile, kind: 'certificates' },
    { key: 'fleet.certificate', file: own?.certificate, kind: 'certificates' },
    { key: 'fleet.key', file: own?.key, kind: 'secret' },
    { key: 'fleet.logs.credentials', file: fleet?.logs?.s3?.credentials, kind: 'secret' },
    { key: 'acme.ca-file', file: acme?.caFile, kind: 'certificates' },
    { key: 'acme.external-account.key-file', file: acme?.externalAccount?.keyFile, kind: 'secret' },
    { key: 'acme.dns-hook', file: hook, kind: 'program' }
  ]
}

function checkFile({ key, file, kind }: LaterFile): readonly InterdictError[] {
  if (file === undefined) return []
  try {
    if (kind === 'program') checkProgram(file)
    else if (kind === 'headers') readHeaderFile(file)
    else {
      const text = readBoundedFileSync(file, MAX_SECRET_FILE)
      // OpenSSL treats a file without any certificate as an empty list of authorities.
      if (kind === 'certificates') new X509Certificate(text)
    }
    return []
  } catch (error) {
    return [failure('CONFIG_FILE', key, file, reasonOf(error))]
  }
}

function checkProgram(file: string): void {
  if (!statSync(file).isFile()) throw new Error('it is not a regular file')
  accessSync(file, constants.X_OK)
}
