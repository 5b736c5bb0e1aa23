import { failure } from '../../../base/errors/error.js'
import type { HubClient } from '../../../admin/api/hub-client.js'
import type { HubState, Rollout } from '../../../fleet/hub/hub-state.js'
import type { RootView } from '../../../fleet/hub/roots/root-view.js'
import type { GapView, GatewayView, RingView, HubStatus } from '../../../fleet/hub/views.js'
import { hubClient, type HubOptions } from '../../args/hub-options.js'
import { callerName } from '../../args/user.js'
import { EXIT } from '../../exit.js'
import { print, printJson, type Io } from '../../io.js'
import { columns, terminalWidth, type Row } from '../../output/columns.js'
import { formatNumber } from '../../output/format.js'
import { rootText } from './root-text.js'

const SECOND = 1000
/** Clock offsets above this are shown. */
const NOTABLE_OFFSET = 2 * SECOND

interface StatusReply {
  readonly hub?: HubStatus
  readonly nats: { readonly connected: boolean; readonly error: string | null }
  readonly rings: readonly RingView[]
  readonly root: RootView
}

interface GatewaysReply {
  readonly gateways: readonly GatewayView[]
}

export interface StatusOptions extends HubOptions {
  readonly ring?: string
  readonly gateways?: boolean
}

/** `interdict fleet status`: the rings, and with `--gateways` each gateway. */
export async function status(options: StatusOptions, io: Io): Promise<number> {
  const client = await hubClient(options)
  const reply = await client.get<StatusReply>('/v1/status')
  const rings = reply.rings.filter(({ ring }) => (options.ring ?? ring) === ring)
  if (options.ring !== undefined && rings.length === 0) throw failure('HUB_RING', options.ring)
  const gateways =
    options.gateways === true ? await gatewaysOf(client, { ring: options.ring }) : undefined
  if (options.json === true) {
    const { hub, nats, root } = reply
    printJson(io, { hub, nats, rings, root, ...(gateways && { gateways }) })
    return EXIT.success
  }
  if (reply.hub !== undefined && reply.hub.hubs.length > 1) print(io, hubLine(reply.hub))
  const { connected, error } = reply.nats
  if (!connected) print(io, `NATS: not connected${error === null ? '' : `: ${error}`}\n`)
  const head = [
    'ring',
    'bundle',
    'phase',
    'gateways',
    'running',
    'not ready',
    'blocked',
    'SERVFAIL',
    'why'
  ]
  const rows = rings.map((ring): Row => {
    const { serial, phase, gateways: all, running, notReady, shares, why } = ring
    const halted = phase === 'halted' ? (['red', phase] as const) : (phase ?? '-')
    const cells = [
      [ring.ring],
      [serial === null ? '-' : String(serial)],
      [halted],
      [formatNumber(all)],
      [formatNumber(running)],
      [formatNumber(notReady)],
      [percent(shares.blocked)],
      [percent(shares.servfail)],
      [why ?? '']
    ]
    return { cells }
  })
  print(io, `${columns(head, rows, terminalWidth(io.stdout)).join('\n')}\n`)
  const names = rings.flatMap(ring => ring.names.map(one => ({ ...one, ring: ring.ring })))
  if (names.length > 0) print(io, `\nNewly blocked names:\n${namesTable(names, io)}\n`)
  print(io, `\n${rootText(reply.root, terminalWidth(io.stdout))}\n`)
  if (gateways !== undefined) print(io, `\n${gatewayTable(gateways, io)}\n`)
  return EXIT.success
}

/** Which of several hubs this is. */
function hubLine({ name, role, leader, hubs, missing }: HubStatus): string {
  const leads = leader === null ? 'no hub is known to lead' : `${leader} leads`
  const absent = missing.length === 0 ? '' : `; not seen for two minutes: ${missing.join(', ')}`
  return `hub ${name}: ${role}; ${leads} (hubs: ${hubs.join(', ')})${absent}\n`
}

function namesTable(
  names: readonly (RingView['names'][number] & { readonly ring: string })[],
  io: Io
): string {
  const head = ['ring', 'name', 'network', 'rule', 'clients', 'lookups', 'gateways', 'origin']
  const rows = names.map((one): Row => {
    const { ring, name, network, rule, clients, lookups, gateways, origin, isPopular } = one
    const shown = isPopular ? `${origin}, popular` : origin
    const isBad = origin === 'must-resolve' || (origin === 'unlisted' && isPopular)
    const counts = [
      [formatNumber(clients)],
      [formatNumber(lookups)],
      [formatNumber(gateways.length)]
    ]
    return {
      cells: [[ring], [name], [network], [rule], ...counts, isBad ? ['red', shown] : [shown]]
    }
  })
  return columns(head, rows, terminalWidth(io.stdout)).join('\n')
}

export interface BehindOptions extends HubOptions {
  readonly ring?: string
}

/** `interdict fleet behind`: gateways that do not run what their ring should. Exit code 1 if there are any. */
export async function behind(options: BehindOptions, io: Io): Promise<number> {
  const client = await hubClient(options)
  const all = await gatewaysOf(client, { ring: options.ring })
  const found = all.filter(({ state }) => state !== 'running')
  if (options.json === true) printJson(io, { gateways: all.length, behind: found })
  else if (found.length === 0)
    print(io, `gateways: ${formatNumber(all.length)}; each runs the bundle of its ring\n`)
  else
    print(
      io,
      `${gatewayTable(found, io)}\n${formatNumber(found.length)} of ${formatNumber(all.length)}\n`
    )
  return found.length === 0 ? EXIT.success : EXIT.failure
}

interface WithoutReply {
  readonly ban: string
  readonly gateways: number
  readonly without: readonly GapView[]
}

/** `interdict fleet without BAN`: gateways that do not enforce a ban. Exit code 1 if there are any. */
export async function without(ban: string, options: HubOptions, io: Io): Promise<number> {
  const client = await hubClient(options)
  const reply = await client.get<WithoutReply>(`/v1/bans/${encodeURIComponent(ban)}/without`)
  const { gateways, without: gaps } = reply
  if (options.json === true) printJson(io, reply)
  else if (gaps.length === 0)
    print(io, `gateways: ${formatNumber(gateways)}; each enforces ${ban}\n`)
  else {
    const rows = gaps.map(({ name, ring, active, contact, gap }): Row => {
      return { cells: [[name], [ring], [show(active)], [contact ?? 'never'], [gap]] }
    })
    const head = ['gateway', 'ring', 'bundle', 'last contact', 'why']
    const table = columns(head, rows, terminalWidth(io.stdout)).join('\n')
    print(io, `${table}\n${formatNumber(gaps.length)} of ${formatNumber(gateways)}\n`)
  }
  return gaps.length === 0 ? EXIT.success : EXIT.failure
}

export interface RingOptions extends HubOptions {
  readonly now?: boolean
  readonly reason?: string
}

/** `interdict fleet promote RING` */
export async function promote(ring: string, options: RingOptions, io: Io): Promise<number> {
  const client = await hubClient(options)
  const now = options.now === true ? 'true' : undefined
  const path = `/v1/rings/${encodeURIComponent(ring)}/promote`
  const reply = await client.post<Rollout>(path, { by: callerName(io), now })
  if (options.json === true) printJson(io, reply)
  else print(io, `bundle ${reply.serial} promoted to ring ${ring}\n`)
  return EXIT.success
}

/** `interdict fleet halt RING` */
export async function halt(ring: string, options: RingOptions, io: Io): Promise<number> {
  const client = await hubClient(options)
  const query = { by: callerName(io), reason: options.reason }
  const reply = await client.post<Rollout>(`/v1/rings/${encodeURIComponent(ring)}/halt`, query)
  if (options.json === true) printJson(io, reply)
  else print(io, `ring ${ring} halted: bundle ${reply.serial} goes no further\n`)
  return EXIT.success
}

export interface TokenOptions extends HubOptions {
  readonly ring: string
  readonly expires: string
}

interface TokenReply {
  readonly token: string
  readonly expires: string
}

/** `interdict fleet token NAME`: prints a token with which one gateway can enrol, once. */
export async function token(name: string, options: TokenOptions, io: Io): Promise<number> {
  const { ring, expires } = options
  const client = await hubClient(options)
  const query = { name, ring, expires, by: callerName(io) }
  const reply = await client.post<TokenReply>('/v1/tokens', query)
  if (options.json === true) printJson(io, reply)
  else {
    print(io, `${reply.token}\n`)
    io.stderr.write(`for gateway ${name} in ring ${ring}, once, until ${reply.expires}\n`)
  }
  return EXIT.success
}

/** `interdict fleet revoke NAME` */
export async function revoke(name: string, options: HubOptions, io: Io): Promise<number> {
  const client = await hubClient(options)
  const path = `/v1/gateways/${encodeURIComponent(name)}/revoke`
  await client.post(path, { by: callerName(io) })
  if (options.json === true) printJson(io, { revoked: name })
  else print(io, `${name}: credentials revoked\n`)
  return EXIT.success
}

/** `interdict fleet events`: who published, promoted, halted, enrolled and revoked what. */
export async function events(options: HubOptions, io: Io): Promise<number> {
  const client = await hubClient(options)
  const reply = await client.get<Pick<HubState, 'events'>>('/v1/events')
  if (options.json === true) printJson(io, reply)
  else {
    const rows = reply.events.map(({ at, by, what }): Row => ({ cells: [[at], [by], [what]] }))
    print(io, `${columns(['time', 'by', 'event'], rows, terminalWidth(io.stdout)).join('\n')}\n`)
  }
  return EXIT.success
}

async function gatewaysOf(
  client: HubClient,
  query: { readonly ring: string | undefined }
): Promise<readonly GatewayView[]> {
  return (await client.get<GatewaysReply>('/v1/gateways', query)).gateways
}

function gatewayTable(gateways: readonly GatewayView[], io: Io): string {
  const head = [
    'gateway',
    'ring',
    'state',
    'bundle',
    'wanted',
    'root',
    'version',
    'good probe',
    'last contact',
    'notes'
  ]
  const rows = gateways.map((one): Row => {
    const { name, ring, state, active, wanted, trust, program, probe, contact } = one
    const shown = state === 'running' ? state : (['yellow', state] as const)
    const cells = [
      ...[[name], [ring], [shown], [show(active)], [show(wanted)]],
      ...[[trust === null ? '-' : (trust.root?.toString() ?? 'none')], [program ?? '-']],
      [probe === null ? '-' : (probe.good ?? 'never')],
      [contact ?? 'never'],
      notesOf(one)
    ]
    return { cells }
  })
  return columns(head, rows, terminalWidth(io.stdout)).join('\n')
}

function notesOf({ refused, trust, problems, clockOffsetMs }: GatewayView): string[] {
  const offset = clockOffsetMs ?? 0
  return [
    ...(refused === null ? [] : [`${refused.message} (${refused.code})`]),
    ...(trust?.refused ? [`${trust.refused.message} (${trust.refused.code})`] : []),
    ...(problems.length === 0 ? [] : [problems.join(', ')]),
    ...(Math.abs(offset) < NOTABLE_OFFSET ? [] : [`clock off by ${Math.round(offset / SECOND)} s`])
  ]
}

const show = (serial: number | null): string => (serial === null ? '-' : String(serial))
const percent = (share: number | null): string =>
  share === null ? '-' : `${(100 * share).toFixed(1)}%`
