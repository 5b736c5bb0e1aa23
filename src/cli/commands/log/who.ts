import { dirname } from 'node:path'
import { readAddress, showAddress } from '../../../base/values/address.js'
import { MS_PER_SECOND, type Milliseconds } from '../../../base/units.js'
import { failure } from '../../../base/errors/error.js'
import { reasonOf } from '../../../base/errors/reason.js'
import type { ParsedRequest } from '../../../gateway/processes/requests.js'
import { whoHad, whoHas, type DatedAttribution } from '../../../lookups/bindings/who.js'
import type { Attribution, UnknownReason } from '../../../policy/bindings/attribution.js'
import { logPath, type LogOptions } from '../../args/log-path.js'
import { checkTime, parseArgument, parseWholeNumber, resolveTime } from '../../args/parse.js'
import { chooseTimeZone, type TimeZoneOptions } from '../../args/time-zone.js'
import { EXIT } from '../../exit.js'
import { print, printJson, type Io } from '../../io.js'

export interface WhoOptions extends LogOptions, TimeZoneOptions {
  readonly at?: string
  readonly skew: string
  readonly json?: boolean
}

/** One day: no clock of a server is that wrong. */
const MAX_SKEW = 86_400

const REASONS: Readonly<Record<UnknownReason, string>> = {
  none: 'no feed had a binding of it, or the privacy mode of its network keeps none',
  ambiguous: 'another device had it within the clock skew, or two feeds contradict each other',
  'feed-down': 'the feed was down',
  'no-history': 'nothing was recorded at that time'
}

/**
 * `interdict who`: which device had an address at a time. Claims nothing that the history does not show.
 *
 * @throws InterdictError BINDINGS_READ
 */
export async function who(text: string, options: WhoOptions, io: Io): Promise<number> {
  const address = parseArgument('<address>', () => showAddress(readAddress(text)))
  checkTime(options.at)
  const skew = parseWholeNumber('--skew', options.skew, { max: MAX_SKEW }) * MS_PER_SECOND
  const zone = /(Z|[+-]\d\d:\d\d)$/i.test(options.at ?? 'Z')
    ? 'UTC'
    : (await chooseTimeZone(options)).timeZone
  const asked = options.at && resolveTime(options.at, zone) * MS_PER_SECOND
  const request = { address, skew, ...(asked && { at: asked }) }
  const { at, found } = await performWho(request, options)
  if (options.json === true) printJson(io, { address, at: new Date(at).toISOString(), ...found })
  else print(io, `${linesOf(address, at, found).join('\n')}\n`)
  return found.status === 'known' ? EXIT.success : EXIT.failure
}

/** @throws InterdictError BINDINGS_READ */
export async function performWho(
  { address, at, skew }: ParsedRequest<'who'>,
  options: LogOptions
): Promise<DatedAttribution> {
  const folder = dirname(await logPath(options))
  try {
    if (at === undefined) return await whoHas(folder, address, skew, Date.now())
    return { at, found: await whoHad(folder, address, at, skew) }
  } catch (error) {
    throw failure('BINDINGS_READ', folder, reasonOf(error, folder))
  }
}

function linesOf(address: string, at: Milliseconds, found: Attribution): string[] {
  const time = showTime(at)
  if (found.status === 'unknown')
    return [`${address} at ${time}: unknown device`, `  ${REASONS[found.reason]}`]
  const { mac, host, duid, user, groups, port } = found.device
  const facts = { mac, host, duid, user, groups: groups?.join(', '), port }
  const shown = Object.entries(facts).flatMap(([key, value]) =>
    value === undefined ? [] : [`  ${key.padEnd(8)}${value}`]
  )
  const sources = found.bindings.map(({ source, from, until }) => {
    const end = until === Infinity ? '' : ` until ${showTime(until)}`
    return `  source  ${source}, from ${showTime(from)}${end}`
  })
  return [`${address} at ${time}:`, ...shown, ...sources]
}

const showTime = (time: Milliseconds): string => new Date(time).toISOString().replace('.000Z', 'Z')
