import { join, relative } from 'node:path'
import { readAddress } from '../base/address.js'
import { systemClock, type Clock } from '../base/clock.js'
import { MS_PER_SECOND } from '../base/units.js'
import { LruAnswerCache } from '../cache/lru.js'
import type { Config } from '../config/config.js'
import { RRCLASS } from '../dns/rrclass.js'
import { readRrtype } from '../dns/rrtype.js'
import { answeredHere } from '../gateway/answered-here.js'
import { openForwarder } from '../gateway/open-forwarder.js'
import { rebindingGuard } from '../gateway/rebinding-guard.js'
import { upstreamPlan } from '../gateway/upstream-plan.js'
import { PROTOCOL, QueryEvent } from '../log/event.js'
import { compile } from '../policy/compile.js'
import { Policy } from '../policy/policy.js'
import { Arrivals } from '../resolver/arrivals.js'
import { Fallback } from '../resolver/fallback.js'
import { Patience } from '../resolver/patience.js'
import type { RebindingGuard } from '../resolver/rebinding-guard.js'
import { LATER } from '../resolver/responder.js'
import { Identity } from '../resolver/identity.js'
import { Resolver } from '../resolver/resolve.js'
import { Witness } from '../resolver/witness.js'
import { INSTANT, readInstant } from '../rules/instant.js'
import { loadRules } from '../rules/load.js'
import { chooseTransport } from '../socket/transport.js'
import type { Forwarder } from '../upstream/forwarder.js'
import { systemTimers } from '../upstream/timers.js'
import { MAX_INQUIRY, writeInquiry } from '../wire/inquiry.js'
import { readName } from '../wire/name.js'
import { toText } from './explanation-text.js'
import { EXIT, usage } from './exit.js'
import { gather, toJson, type Asked, type Resolved } from './explanation.js'
import { given } from './given.js'
import { refuse } from './refuse.js'
import { settings, type CommonOptions } from './settings.js'

export interface ExplainOptions extends CommonOptions {
  readonly from: string
  readonly type: string
  readonly at?: string
  readonly upstream: boolean
  readonly json?: boolean
}

/**
 * `interdict explain`: the whole decision for one question, by what serves: the same snapshot,
 * resolver and upstreams, with one client and one query.
 */
export async function explain(name: string, options: ExplainOptions): Promise<void> {
  const question = readQuestion(name, options)
  const config = await settings(options)
  const loaded = await loadRules(config.rules)
  if (!loaded.ok) refuse(loaded.errors)
  const { timeZone } = loaded.rules
  const asked = { ...question, clock: clockAt(options.at, timeZone) }
  const policy = new Policy(
    compile(loaded.rules, { generation: 1, random: () => 0, local: answeredHere(config) })
  )
  const nobody = new Nobody()
  const forwarder = options.upstream ? await forwarderFor(config) : nobody
  const guard = rebindingGuard(config)
  const resolved = await resolve(asked, policy, config, forwarder, guard)
  forwarder.close()
  const explanation = gather(
    asked,
    policy,
    { ...resolved, unasked: nobody.missed, guard },
    forwarder
  )
  process.stdout.write(
    options.json === true
      ? toJson(explanation)
      : toText(explanation, { folder: shown(config.rules), timeZone })
  )
  process.exit(EXIT.fine)
}

/** The rules folder as messages show it, to be put in front of the names of files. */
function shown(folder: string): string {
  const fromHere = relative('', folder)
  if (fromHere === '') return ''
  return join(fromHere.startsWith('..') ? folder : fromHere, '/')
}

function readQuestion(name: string, { type, from, at }: ExplainOptions): Omit<Asked, 'clock'> {
  const qtype = readRrtype(type) ?? usage(`--type: ${type} is no query type such as A or TYPE65280`)
  if (at !== undefined && readInstant(at, 'UTC') === undefined)
    usage(`--at: ${at} is not ${INSTANT}`)
  const octets = given('--from', () => readAddress(from))
  const view = new DataView(octets.buffer, octets.byteOffset)
  const client = Uint32Array.from([0, 4, 8, 12], word => view.getUint32(word))
  return { name: given('<name>', () => readName(name)), qtype, client }
}

/** A calendar that stands still; a time without an offset is one of the zone that the rules have. */
function clockAt(at: string | undefined, timeZone: string): Clock {
  const seconds = at === undefined ? undefined : readInstant(at, timeZone)
  const wall = seconds === undefined ? Date.now() : seconds * MS_PER_SECOND
  return { now: () => systemClock.now(), wall: () => wall }
}

function forwarderFor(config: Config): Promise<Forwarder> {
  const { transport } = chooseTransport('portable')
  const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }
  return openForwarder(config, upstreamPlan(config).upstreams, transport, silent)
}

/** For `--no-upstream`: whatever is forwarded fails at once, and is missed. */
class Nobody implements Forwarder {
  readonly upstreams = []
  readonly inFlight = 0
  missed = false

  forward(_inquiry: unknown, done: Parameters<Forwarder['forward']>[1]): void {
    this.missed = true
    setImmediate(() => done({ kind: 'failure', ede: 22, upstream: -1, took: 0 }))
  }

  close(): void {
    // There is nothing.
  }
}

async function resolve(
  { name, qtype, client, clock }: Asked,
  policy: Policy,
  config: Config,
  forwarder: Forwarder,
  guard: RebindingGuard | undefined
): Promise<Omit<Resolved, 'unasked' | 'guard'>> {
  const { cache: limits, identity } = config
  const event = new QueryEvent()
  const push = (seen: QueryEvent): void => void Object.assign(event, seen)
  const cache = new LruAnswerCache(limits.size, clock)
  const failures = new LruAnswerCache(limits.size, clock)
  const fallback = new Fallback(cache, failures, limits)
  const patience = new Patience(cache, fallback, limits.staleAfter, clock, systemTimers)
  const arrivals = new Arrivals(cache, fallback, limits)
  const witness = new Witness('all', { push, commit: () => undefined })
  const resolver = new Resolver({
    policy,
    cache,
    shelf: undefined,
    forwarder,
    arrivals,
    fallback,
    patience,
    witness,
    identity: new Identity(identity),
    guard,
    clock
  })

  const query = new Uint8Array(MAX_INQUIRY)
  const length = writeInquiry(query, 0, 0, name, qtype, RRCLASS.IN, false, false)
  const octets = new Uint8Array(65_535)
  octets.set(query.subarray(0, length))
  const now = resolver.answer(octets, 0, length, octets.length, client, 0, PROTOCOL.udp)
  const reply =
    now === LATER
      ? await later(resolver, query.slice(0, length), client)
      : now > 0
        ? octets.slice(0, now)
        : undefined
  return { event, reply, answer: arrivals.last }
}

function later(
  resolver: Resolver,
  query: Uint8Array,
  client: Uint32Array
): Promise<Uint8Array | undefined> {
  return new Promise(done => {
    resolver.answerLater(query, client, PROTOCOL.udp, (octets, start, end) => {
      done(octets?.slice(start, end))
    })
  })
}
