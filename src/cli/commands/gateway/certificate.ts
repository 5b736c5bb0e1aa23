import { generateKeyPairSync } from 'node:crypto'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { openSolver } from '../../../gateway/acme/challenges.js'
import {
  checkDirectory,
  orderCertificate,
  type AcmeSecrets
} from '../../../gateway/acme/order-certificate.js'
import { renewalDue, type RenewalDue } from '../../../gateway/acme/renewal-due.js'
import { renewalInfo } from '../../../gateway/acme/renewal-info.js'
import { replaceFiles, replaceSecret } from '../../../gateway/acme/replace-files.js'
import { MAX_SECRET_FILE, readBoundedFileSync } from '../../../base/files/bounded-file.js'
import { failure, failureAt } from '../../../base/errors/error.js'
import { reasonOf } from '../../../base/errors/reason.js'
import type { AcmeConfig } from '../../../gateway/config/acme-config.js'
import type { Config, ServedCertificateConfig } from '../../../gateway/config/config.js'
import type { FolderLock } from '../../../lookups/files/folder-lock.js'
import { lockStateFolder } from '../../args/lock-folder.js'
import { loadSettings, type CommonOptions } from '../../args/settings.js'
import { EXIT } from '../../exit.js'
import { print, printJson, type Io } from '../../io.js'

export interface RenewOptions extends CommonOptions {
  readonly force?: boolean
  readonly dryRun?: boolean
  readonly json?: boolean
}

/** Below the state folder. */
const LOCK_FOLDER = 'acme'

/**
 * `interdict certificate renew`: gets a certificate from the ACME server if the present one is due, and
 * writes it with its key. The gateway reads both within a second. On any error the present files stay.
 *
 * @throws InterdictError ACME_OFF, ACME_FILES, ACME_NAMES, ACME_FILE, ACME_SERVER, ACME_TERMS, ACME_LISTEN,
 *   ACME_HOOK, ACME_CHALLENGE, ACME_WRITE, ACME_BUSY
 */
export async function renew(options: RenewOptions, io: Io): Promise<number> {
  const config = await loadSettings(options)
  const { acme } = config
  if (acme === undefined) throw failure('ACME_OFF')
  const files = filesOf(config, acme)
  const names = namesOf(config, acme)
  const { force = false, dryRun = false, json } = options
  const check = () => checkRenewal(acme, files, names)
  let due = await check()
  if (due.isDue || force) {
    if (dryRun) await checkDirectory(acme, readSecrets(acme, dryRun))
    else {
      const lock = await lockRenewal(config, io)
      try {
        // Another process may have renewed it meanwhile.
        due = await check()
        if (due.isDue || force) await order(acme, names, files, due.replaces)
      } finally {
        lock.release()
      }
    }
  }
  const isDue = due.isDue || force
  const isRenewed = isDue && !dryRun
  if (json === true) {
    const { certificate } = files
    const renewalFrom = due.from === undefined ? null : new Date(due.from).toISOString()
    const notAfter = due.notAfter === undefined ? null : new Date(due.notAfter).toISOString()
    const { reason } = due
    printJson(io, {
      certificate,
      names,
      due: isDue,
      reason,
      notAfter,
      renewalFrom,
      renewed: isRenewed
    })
    return EXIT.success
  }
  const why = due.isDue || !force ? due.reason : '--force'
  const what = isRenewed ? 'renewed' : isDue ? 'would be renewed' : 'not due'
  print(io, `${files.certificate}: ${what} (${why})\n`)
  return EXIT.success
}

function lockRenewal({ state }: Config, io: Io): Promise<FolderLock> {
  const lockedError = (holder: string) => failure('ACME_BUSY', holder)
  return lockStateFolder({ folder: join(state.folder, LOCK_FOLDER), lockedError }, io)
}

/** By its dates, and by what the ACME server says of it. */
async function checkRenewal(
  acme: AcmeConfig,
  files: ServedCertificateConfig,
  names: readonly string[]
): Promise<RenewalDue & { readonly replaces: string | undefined }> {
  const now = Date.now()
  const due = await renewalDue(files, names, now)
  const info =
    due.chain === undefined
      ? undefined
      : await renewalInfo(acme, authoritiesOf(acme), due.chain, now)
  const replaces = info?.certificateId
  if (due.isDue || info?.isDue !== true) return { ...due, replaces }
  return { ...due, isDue: true, reason: 'the ACME server asks for it', replaces }
}

async function order(
  acme: AcmeConfig,
  names: readonly string[],
  files: ServedCertificateConfig,
  replaces: string | undefined
): Promise<void> {
  const secrets = readSecrets(acme, false)
  const solver = await openSolver(acme.challenge)
  try {
    write(files, await orderCertificate(acme, secrets, names, solver, replaces))
  } finally {
    solver.close()
  }
}

/** The files that the settings name, or else the certificate of the encrypted listeners. */
function filesOf({ listen, discovery }: Config, acme: AcmeConfig): ServedCertificateConfig {
  const { files, position } = acme
  if (files !== undefined) return { ...files, position: discovery?.position ?? position }
  const served = listen.flatMap(({ certificates = [] }) => certificates)
  const different = new Set(served.map(({ certificate, key }) => `${certificate}\n${key}`))
  if (different.size !== 1) throw failureAt(position, 'ACME_FILES', different.size)
  return served[0]!
}

function namesOf({ discovery }: Config, { names, position }: AcmeConfig): readonly string[] {
  const all = names.length > 0 ? names : discovery === undefined ? [] : [discovery.name]
  if (all.length === 0) throw failureAt(position, 'ACME_NAMES')
  return all
}

/** @param dryRun a new account key is not written */
function readSecrets(acme: AcmeConfig, dryRun: boolean): AcmeSecrets {
  const { accountKey, externalAccount } = acme
  return {
    accountKey: existsSync(accountKey) ? read(accountKey) : createAccountKey(accountKey, dryRun),
    ca: authoritiesOf(acme),
    externalKey: externalAccount && read(externalAccount.keyFile).trim()
  }
}

const authoritiesOf = ({ caFile }: AcmeConfig): string | undefined =>
  caFile === undefined ? undefined : read(caFile)

function read(file: string): string {
  try {
    return readBoundedFileSync(file, MAX_SECRET_FILE).toString('latin1')
  } catch (error) {
    throw failure('ACME_FILE', file, reasonOf(error))
  }
}

/** P-256, which every ACME server accepts: RFC 8555 §6.2. */
function createAccountKey(file: string, dryRun: boolean): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const text = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
  if (dryRun) return text
  try {
    replaceSecret(file, text)
  } catch (error) {
    throw failure('ACME_WRITE', file, reasonOf(error))
  }
  return text
}

function write(
  paths: Pick<ServedCertificateConfig, 'certificate' | 'key'>,
  text: { readonly certificate: string; readonly key: string }
): void {
  try {
    replaceFiles(paths, text)
  } catch (error) {
    const folder = dirname(paths.certificate)
    throw failure('ACME_WRITE', folder, reasonOf(error, folder))
  }
}
