import { failure } from '../../../base/errors/error.js'
import { appleProfile } from '../../../admin/onboard/apple-profile.js'
import {
  coveredListeners,
  type CoveredListeners
} from '../../../admin/onboard/covered-listeners.js'
import {
  uriOf,
  type Designation,
  type EncryptedService
} from '../../../gateway/discovery/designation.js'
import { DEVICE_TARGETS } from '../../../admin/onboard/device-targets.js'
import { NETWORK_TARGETS } from '../../../admin/onboard/network-targets.js'
import { drawQrCode } from '../../../admin/onboard/qr-code.js'
import { signProfile } from '../../../admin/onboard/sign-profile.js'
import { loadSettings, type CommonOptions } from '../../args/settings.js'
import { EXIT, usageError } from '../../exit.js'
import { print, printJson, type Io } from '../../io.js'
import { columns, terminalWidth } from '../../output/columns.js'
import { writeOutput } from '../../output/write-output.js'

const WRITTEN = [...NETWORK_TARGETS, ...DEVICE_TARGETS]
const TITLES: readonly (readonly [id: string, title: string])[] = [
  ...WRITTEN.map(({ id, title }) => [id, title] as const),
  ['apple', 'iOS, macOS, tvOS: signed configuration profile (.mobileconfig)'],
  ['qr', 'QR code of the host name, or of --link']
]

export interface OnboardOptions extends CommonOptions {
  readonly list?: boolean
  readonly protocol?: string
  readonly unsigned?: boolean
  readonly everywhere?: boolean
  readonly certificate?: string
  readonly key?: string
  readonly link?: string
  readonly svg?: boolean
  readonly output?: string
  readonly json?: boolean
}

/** Configuration for a target, ready to be written. */
interface Content {
  readonly file: string
  readonly content: string | Uint8Array
  readonly notes: readonly string[]
}

/**
 * `interdict onboard`: configuration for programs and devices that are to use the encrypted listeners.
 *
 * @throws InterdictError ONBOARD_NO_NAME, ONBOARD_NO_LISTENER, ONBOARD_NOT_COVERED, ONBOARD_NO_ADDRESS,
 *   ONBOARD_NEEDS, ONBOARD_TOO_LONG, ONBOARD_SIGN, CERTIFICATE_UNREADABLE, CERTIFICATE_INVALID,
 *   CERTIFICATE_KEY, CLI_OUTPUT
 */
export async function onboard(
  target: string | undefined,
  options: OnboardOptions,
  io: Io
): Promise<number> {
  if (options.list === true || target === undefined) return listTargets(options, io)
  if (!TITLES.some(([id]) => id === target))
    usageError(`<target>: ${target} is not one of ${TITLES.map(([id]) => id).join(', ')}`)
  const covered = await coveredListeners(await loadSettings(options), Date.now())
  const { designation, warnings } = covered
  for (const { message, code } of warnings) io.stderr.write(`warning: ${message} (${code})\n`)
  const { file, content, notes } = await contentFor(target, covered, options, io)
  const { output, json } = options
  if (json === true) {
    const isText = typeof content === 'string'
    const text = isText ? content : Buffer.from(content).toString('base64')
    const services = shownServices(designation)
    printJson(io, {
      ...{ target, name: designation.name, services, file },
      ...{ encoding: isText ? 'utf8' : 'base64', content: text, notes }
    })
    return EXIT.success
  }
  writeOutput(content, output, io)
  for (const note of notes) io.stderr.write(`note: ${note}\n`)
  return EXIT.success
}

function listTargets({ json }: OnboardOptions, io: Io): number {
  const targets = TITLES.map(([target, title]) => ({ target, title }))
  if (json === true) printJson(io, { targets })
  else {
    const rows = targets.map(({ target, title }) => ({ cells: [[target], [title]] }))
    print(io, `${columns(['target', 'output'], rows, terminalWidth(io.stdout)).join('\n')}\n`)
  }
  return EXIT.success
}

async function contentFor(
  target: string,
  covered: CoveredListeners,
  options: OnboardOptions,
  io: Io
): Promise<Content> {
  const { designation } = covered
  if (target === 'apple') return appleContent(covered, options, io)
  if (target === 'qr') {
    const { link, output, svg } = options
    const isSvg = svg === true || output?.endsWith('.svg') === true
    const isTerminal =
      io.stdout.columns !== undefined && output === undefined && options.json !== true
    const format = isSvg ? 'svg' : isTerminal ? 'terminal' : 'utf8'
    const content = await drawQrCode(link ?? designation.name, format)
    return { file: 'encrypted-dns.svg', content, notes: [] }
  }
  const { file, write } = WRITTEN.find(({ id }) => id === target)!
  const { text, notes = [] } = write(designation)
  return { file, content: text, notes }
}

/** A profile for one protocol: of two, a device uses the one that its user selects. */
async function appleContent(
  { designation, files }: CoveredListeners,
  options: OnboardOptions,
  { env }: Io
): Promise<Content> {
  const { protocol, unsigned, output, json, certificate, key } = options
  const service = appleService(designation, protocol)
  const profile = appleProfile(designation, service, options.everywhere === true)
  const file = `${designation.name}-${service.protocol}.mobileconfig`
  if (unsigned === true) return { file, content: profile, notes: [] }
  if (output === undefined && json !== true)
    usageError('a signed profile is not text: write it to a file with --output, or use --unsigned')
  if ((certificate === undefined) !== (key === undefined))
    usageError('--certificate and --key belong together')
  const signer = [certificate ?? files.certificate, key ?? files.key] as const
  const content = await signProfile(profile, ...signer, env)
  return { file, content, notes: [] }
}

function appleService({ services }: Designation, wanted: string | undefined): EncryptedService {
  if (wanted !== undefined && wanted !== 'dot' && wanted !== 'doh')
    usageError(`--protocol: ${wanted} is not one of dot, doh`)
  // Apple devices have no port for DNS over TLS.
  const usable = services.filter(({ protocol, port }) => protocol === 'doh' || port === 853)
  const service = usable.find(({ protocol }) => wanted === undefined || protocol === wanted)
  if (service !== undefined) return service
  const what = 'DNS over TLS on port 853'
  throw failure(
    'ONBOARD_NEEDS',
    'apple',
    wanted === 'doh'
      ? 'a listener with DNS over HTTPS'
      : wanted === 'dot'
        ? what
        : `${what}, or HTTPS`
  )
}

function shownServices(designation: Designation) {
  return designation.services.map(service => {
    const { protocol, port, addresses } = service
    return { protocol, port, uri: uriOf(designation, service) ?? null, addresses }
  })
}
