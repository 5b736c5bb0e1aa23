import { resolve } from 'node:path'
import { readBoundedFile, MAX_SECRET_FILE } from '../../../base/files/bounded-file.js'
import { decodeToken } from '../../../fleet/channel/enrol-token.js'
import { enrol as enrolWith } from '../../../fleet/channel/enrol.js'
import { EXIT, usageError } from '../../exit.js'
import { print, printJson, type Io } from '../../io.js'

export interface EnrolOptions {
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
  await enrolWith(decoded, output, { caFile, certificate: undefined })
  const { name, ring, nats, hub } = decoded
  const report = hub === null ? '' : `  report-url: ${hub}/v1/reports\n`
  if (json === true) printJson(io, { name, ring, nats, hub, credentials: output })
  else {
    print(
      io,
      `${output}: credentials of gateway ${name}
Add to the settings:

fleet:
  name: ${name}
  ring: ${ring}
  nats: [${nats.join(', ')}]
  credentials: ${output}
${report}`
    )
  }
  return EXIT.success
}
