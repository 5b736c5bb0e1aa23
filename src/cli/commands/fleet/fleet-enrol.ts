import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { failure } from '../../../base/errors/error.js'
import { reasonOf } from '../../../base/errors/reason.js'
import { writeFileAtomic } from '../../../base/files/atomic-file.js'
import { readBoundedFile, MAX_SECRET_FILE } from '../../../base/files/bounded-file.js'
import { decodeToken } from '../../../fleet/channel/enrol-token.js'
import { enrol as enrolWith } from '../../../fleet/channel/enrol.js'
import { checkOwnThreshold } from '../../../sources/root/accept-root.js'
import { newestRoot } from '../../../sources/root/root.js'
import { loadSettings, type CommonOptions } from '../../args/settings.js'
import { EXIT, usageError } from '../../exit.js'
import { print, printJson, type Io } from '../../io.js'

export interface EnrolOptions extends CommonOptions {
  readonly output: string
  readonly caFile?: string
  readonly json?: boolean
}

/**
 * `interdict fleet enrol TOKEN`: gets the credentials of this gateway.
 *
 * @param text the token, or `-` or the path of a file with it: tokens on a command line are visible to other users
 * @throws InterdictError FLEET_TOKEN, FLEET_CONNECT, FLEET_CREDENTIALS
 */
export async function enrol(text: string, options: EnrolOptions, io: Io): Promise<number> {
  const isToken = text.startsWith('interdict_enrol_')
  const read = isToken
    ? text
    : await readBoundedFile(text, MAX_SECRET_FILE).then(
        octets => octets.toString(),
        () => usageError(`${text} is neither a token nor a file with one`)
      )
  const decoded = decodeToken(read)
  const { caFile, json } = options
  // Settings name files relative to their own folder, not to this one.
  const output = resolve(options.output)
  const { proxy } = await loadSettings(options)
  const tls = { caFile, certificate: undefined }
  const received = await enrolWith(decoded, output, tls, proxy?.http)
  const root = received === undefined ? undefined : keepRoot(received, output)
  const { name, ring, nats, hub } = decoded
  const report = hub === null ? '' : `  report-url: ${hub}/v1/reports\n`
  if (json === true)
    printJson(io, { name, ring, nats, hub, credentials: output, root: root?.file ?? null })
  else {
    print(
      io,
      `${output}: credentials of gateway ${name}
${root === undefined ? '' : rootText(root)}Add to the settings:

fleet:
  name: ${name}
  ring: ${ring}
  nats: [${nats.join(', ')}]
  credentials: ${output}
${report}${root === undefined ? '' : rulesText(root.file)}`
    )
  }
  return EXIT.success
}

interface KeptRoot {
  readonly file: string
  readonly version: number
  readonly keys: readonly string[]
}

/**
 * Stores the root of trust beside the credentials. An existing one stays, since the gateway follows later versions from it.
 *
 * @throws InterdictError ROOT_BROKEN, ROOT_SIGNATURE, ROOT_UNSIGNED, ROOT_WRITE
 */
function keepRoot(text: string, credentials: string): KeptRoot {
  const file = join(dirname(credentials), 'fleet.root')
  const isKnown = existsSync(file)
  const octets = isKnown ? readFileSync(file) : Buffer.from(text)
  const signed = newestRoot(octets, file)
  checkOwnThreshold(signed, file)
  try {
    if (!isKnown) writeFileAtomic(file, text)
  } catch (error) {
    throw failure('ROOT_WRITE', file, reasonOf(error))
  }
  return { file, version: signed.root.version, keys: signed.root.roles.root.keys }
}

/** Whoever controls the hub could have sent another: the keys are compared by people. */
const rootText = ({ file, version, keys }: KeptRoot): string =>
  `${file}: root of trust ${version}; compare its root keys with those that you know:
${keys.map(key => `  ${key}\n`).join('')}`

const rulesText = (file: string): string => `
rules:
  bundle: fleet.bundle in the state folder
  root: ${file}
`
