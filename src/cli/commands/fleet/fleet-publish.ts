import { epochSeconds, systemClock } from '../../../base/time/clock.js'
import { failure } from '../../../base/errors/error.js'
import type { Seconds } from '../../../base/units.js'
import type { Forecast } from '../../../fleet/hub/hub-state.js'
import { isLater, newestSerial } from '../../../fleet/hub/roots/roots.js'
import { compile } from '../../../policy/compile/compile.js'
import { mustResolveErrors } from '../../../policy/diff/blocked-must-resolve.js'
import { escapeControls } from '../../../base/log/terminal-line.js'
import { Comparison } from '../../../analysis/replay/comparison.js'
import type { Count } from '../../../analysis/replay/change-tally.js'
import { Judge } from '../../../analysis/replay/rule-judge.js'
import { replayLog } from '../../../analysis/replay/replay.js'
import { loadRules } from '../../../policy/rules/load.js'
import { BundleFiles } from '../../../sources/bundle/bundle-files.js'
import {
  decodeBundle,
  encodeBundle,
  readBundleFile,
  type Bundle
} from '../../../sources/bundle/bundle.js'
import { readPrivateKey } from '../../../sources/bundle/signatures.js'
import { newestRoot, type Root } from '../../../sources/root/root.js'
import type { HubClient } from '../../../admin/api/hub-client.js'
import { hubClient, type HubOptions } from '../../args/hub-options.js'
import { parseWholeNumber } from '../../args/parse.js'
import { callerName } from '../../args/user.js'
import { EXIT, rejectInput, usageError } from '../../exit.js'
import { print, printJson, type Io } from '../../io.js'
import { formatNumber } from '../../output/format.js'

const DAY: Seconds = 86_400
const MAX_NAMES = 10
const LATER = 'NATS does not take it yet: the hub retries\n'

export interface PublishOptions extends HubOptions {
  readonly ring: string
  readonly now?: boolean
  readonly replay?: readonly string[]
  readonly maxChange: string
}

interface Published {
  readonly serial: number
  readonly ring: string
  readonly bans: number
  readonly delivered: boolean
}

interface RingsReply {
  readonly rings: readonly RingSerial[]
}

interface RingSerial {
  readonly ring: string
  /** Null: nothing was published to it. */
  readonly serial: number | null
}

/**
 * `interdict fleet publish`: gives a signed bundle to a ring, with a forecast from recorded lookups.
 *
 * @throws InterdictError HUB_FORECAST, and as the hub says
 */
export async function publish(file: string, options: PublishOptions, io: Io): Promise<number> {
  const limit = parseWholeNumber('--max-change', options.maxChange, { max: 100 })
  const client = await hubClient(options)
  const octets = await readBundleFile(file, file)
  const bundle = await decodeBundle(octets, file)
  const blocked = mustResolveErrors(await rulesOf(bundle), epochSeconds(systemClock))
  if (blocked.length > 0) rejectInput(blocked)
  const forecast = await forecastOf(client, bundle, options)
  if (forecast !== undefined && options.json !== true) printForecast(forecast, io)
  const changed = forecast === undefined ? 0 : forecast.newlyBlocked + forecast.newlyAllowed
  if (options.now !== true && changed * 100 > limit * (forecast?.lookups ?? 0)) {
    const share = ((100 * changed) / forecast!.lookups).toFixed(1)
    throw failure(
      'HUB_FORECAST',
      `it changes ${share}% of lookups, more than --max-change ${limit}`
    )
  }
  const published = await client.post<Published>(
    '/v1/bundles',
    {
      ring: options.ring,
      by: callerName(io),
      now: options.now === true ? 'true' : undefined,
      forecast: forecast && JSON.stringify(forecast)
    },
    octets
  )
  if (options.json === true) printJson(io, { ...published, forecast: forecast ?? null })
  else {
    print(io, `bundle ${published.serial} published to ring ${published.ring}\n`)
    if (!published.delivered) io.stderr.write(LATER)
  }
  return EXIT.success
}

/** Recorded lookups, judged under the rules that the ring runs and under the new ones. */
async function forecastOf(
  client: HubClient,
  bundle: Bundle,
  { replay = [], ring }: PublishOptions
): Promise<Forecast | undefined> {
  if (replay.length === 0) return undefined
  const { rings } = await client.get<RingsReply>('/v1/status')
  const active = rings.find(one => one.ring === ring)?.serial ?? null
  const after = await rulesOf(bundle)
  const before =
    active === null
      ? undefined
      : await rulesOf(await decodeBundle(await client.octets(`/v1/bundles/${active}`), 'bundle'))
  const now = epochSeconds(systemClock)
  const random = (): number => Math.floor(Math.random() * 2 ** 32)
  const comparison = new Comparison({
    at: undefined,
    now,
    network: undefined,
    examples: MAX_NAMES,
    random
  })
  const judgeOf = (rules: NonNullable<typeof before>): Judge =>
    new Judge(rules, compile(rules, { generation: 1, random }), comparison.names)
  comparison.judgeBy(judgeOf(after), before && judgeOf(before))
  for (const log of replay) {
    await replayLog(log, comparison, { format: undefined, zone: after.timeZone, now })
  }
  return summaryOf(comparison)
}

async function rulesOf(bundle: Bundle) {
  const loaded = await loadRules(new BundleFiles(bundle, { path: '', prefix: '' }), systemClock)
  return loaded.ok ? loaded.rules : rejectInput(loaded.errors)
}

function summaryOf(comparison: Comparison): Forecast {
  const { counts, tallies } = comparison
  comparison.close()
  const top = (blocked: readonly Count[], allowed: readonly Count[]): Forecast['names'] => {
    const all = new Map<string, { newlyBlocked: number; newlyAllowed: number }>()
    const entry = (what: string) => {
      const known = all.get(what) ?? { newlyBlocked: 0, newlyAllowed: 0 }
      all.set(what, known)
      return known
    }
    for (const { what, lookups } of blocked) entry(what).newlyBlocked += lookups
    for (const { what, lookups } of allowed) entry(what).newlyAllowed += lookups
    const size = ([, one]: [string, Changed]): number => one.newlyBlocked + one.newlyAllowed
    const sorted = [...all].sort((a, b) => size(b) - size(a)).slice(0, MAX_NAMES)
    return sorted.map(([what, one]) => ({ what, ...one }))
  }
  return {
    lookups: counts.lookups,
    newlyBlocked: tallies.blocked.lookups + tallies.refused.lookups,
    newlyAllowed: tallies.allowed.lookups + tallies.served.lookups,
    networks: top(comparison.networksOf('blocked'), comparison.networksOf('allowed')),
    clients: top(comparison.clientsOf('blocked'), comparison.clientsOf('allowed')),
    names: top(tallies.blocked.names, tallies.allowed.names)
  }
}

type Changed = { readonly newlyBlocked: number; readonly newlyAllowed: number }

function printForecast(forecast: Forecast, io: Io): void {
  const { lookups, newlyBlocked, newlyAllowed } = forecast
  const share = (part: number): string =>
    `${formatNumber(part)} (${lookups === 0 ? '0.0' : ((100 * part) / lookups).toFixed(1)}%)`
  const lines = [
    `forecast from ${formatNumber(lookups)} lookups: ${share(newlyBlocked)} newly blocked, ` +
      `${share(newlyAllowed)} newly open`,
    ...(['networks', 'clients', 'names'] as const).flatMap(topic =>
      forecast[topic].map(({ what, newlyBlocked: blocked, newlyAllowed: open }) => {
        return `  ${topic.slice(0, -1)} ${what}: +${formatNumber(blocked)} blocked, +${formatNumber(open)} open`
      })
    )
  ]
  print(io, `${lines.map(escapeControls).join('\n')}\n`)
}

export interface RollbackOptions extends HubOptions {
  readonly ring?: readonly string[]
  readonly to?: string
  readonly key: readonly string[]
  readonly days: string
}

interface BundlesReply {
  readonly bundles: readonly PublishedBundle[]
}

interface PublishedBundle {
  readonly serial: number
  readonly root: number
  /** Rings in which it was done. */
  readonly done: readonly string[]
}

/**
 * The bundle to which `interdict fleet rollback` returns: the last one before those that the rings have now that was done in all of
 * them.
 *
 * @param wanted the one that was asked for instead
 * @returns its serial, and the rings that have later ones; undefined: there is none
 */
export function rollbackTarget(
  rings: readonly RingSerial[],
  bundles: readonly PublishedBundle[],
  root: Root | undefined,
  wanted?: number
): { readonly to: number; readonly later: readonly string[] } | undefined {
  // Since a reset of serials, a lower one may be later.
  const inOrder = bundles.toSorted((a, b) => (isLater(a, b, root) ? 1 : -1))
  const orderOf = (serial: number | null): number => inOrder.findIndex(one => one.serial === serial)
  const used = rings.filter(({ serial }) => serial !== null)
  const active = Math.max(0, ...used.map(({ serial }) => orderOf(serial)))
  const isGood = ({ done }: PublishedBundle): boolean =>
    used.every(({ ring }) => done.includes(ring))
  const to = wanted ?? inOrder.slice(0, active).findLast(isGood)?.serial
  if (to === undefined) return undefined
  const later = used.filter(({ serial }) => orderOf(serial) > orderOf(to))
  return { to, later: later.map(({ ring }) => ring) }
}

/**
 * `interdict fleet rollback`: publishes the rules of the last bundle that was done in all rings once more, signed again
 * with a higher serial, since no gateway takes a lower one from a channel.
 *
 * @throws InterdictError as the hub says
 */
export async function rollback(options: RollbackOptions, io: Io): Promise<number> {
  const days = parseWholeNumber('--days', options.days, { min: 1, max: 36_500 })
  const client = await hubClient(options)
  const { rings } = await client.get<RingsReply>('/v1/status')
  const { bundles } = await client.get<BundlesReply>('/v1/bundles')
  const roots = await client.octets('/v1/root')
  const root = roots.length === 0 ? undefined : newestRoot(roots, 'of the hub').root
  const newest = newestSerial(bundles, root)
  const wanted =
    options.to === undefined
      ? undefined
      : parseWholeNumber('--to', options.to, { min: 1, max: Number.MAX_SAFE_INTEGER })
  const target = rollbackTarget(rings, bundles, root, wanted)
  if (target === undefined)
    usageError('no earlier bundle was done in all rings: choose one with --to')
  const { to, later } = target
  const chosen = options.ring ?? later
  if (chosen.length === 0) usageError(`no ring runs a bundle after ${to}`)
  const keys = await Promise.all(options.key.map(readPrivateKey))
  const bundle = await decodeBundle(await client.octets(`/v1/bundles/${to}`), `bundle ${to}`)
  const created = epochSeconds(systemClock)
  const serial = Math.max(newest + 1, created)
  const expires = created + days * DAY
  const octets = await encodeBundle(bundle.content, { serial, created, expires, keys })
  const by = callerName(io)
  for (const ring of chosen) {
    await client.post('/v1/bundles', { ring, by, rollback: String(to) }, octets)
  }
  if (options.json === true) printJson(io, { serial, to, rings: chosen })
  else
    print(
      io,
      `rings ${chosen.join(', ')}: back to the rules of bundle ${to}, as bundle ${serial}\n`
    )
  return EXIT.success
}
