import { join, relative } from 'node:path'
import { addressWords, readAddress } from '../../base/address.js'
import { systemClock } from '../../base/clock.js'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import type { Config } from '../../config/config.js'
import { configuredUpstreams } from '../../daemon/control/configured-upstreams.js'
import { locallyAnsweredNames } from '../../daemon/reload/locally-answered.js'
import { openForwarder } from '../../daemon/workers/open-forwarder.js'
import { rebindingGuard } from '../../daemon/workers/rebinding-guard.js'
import { readName } from '../../dns/name/name.js'
import { readRrtype } from '../../dns/registry/rrtype.js'
import { compile } from '../../policy/compile/compile.js'
import { Policy } from '../../policy/evaluate/policy.js'
import { PROTOCOL } from '../../querylog/record/query-event.js'
import { readInstant } from '../../rules/time/instant.js'
import { chooseTransport } from '../../udp/transport.js'
import type { Forwarder } from '../../upstream/forwarder.js'
import { checkAt, given } from '../args/given.js'
import { readRules } from '../args/read-rules.js'
import { settings, type CommonOptions } from '../args/settings.js'
import { EXIT, refuse, usage } from '../exit.js'
import { print, type Io } from '../io.js'
import { toText } from '../output/explanation-text.js'
import { gather, toJson, withReason, type Asked } from '../output/explanation.js'
import { Nobody, resolve, standingClock } from './one-query.js'

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
export async function explain(name: string, options: ExplainOptions, io: Io): Promise<number> {
  const question = readQuestion(name, options)
  const config = await settings(options)
  const { loaded } = await readRules(config, io)
  if (!loaded.ok) refuse(loaded.errors)
  const { timeZone } = loaded.rules
  const asked = { ...question, clock: standingClock(wallAt(options.at, timeZone)) }
  const policy = new Policy(
    compile(loaded.rules, {
      generation: 1,
      random: () => 0,
      specialUse: locallyAnsweredNames(config)
    })
  )
  const nobody = new Nobody()
  const forwarder = options.upstream ? await forwarderFor(config) : nobody
  const guard = rebindingGuard(config)
  const resolved = await resolve(asked, PROTOCOL.udp, policy, config, forwarder, guard)
  forwarder.close()
  const seen = { ...resolved, unasked: nobody.missed, guard }
  const explanation = withReason(gather(asked, policy, seen, forwarder), loaded.rules.sources)
  print(
    io,
    options.json === true
      ? toJson(explanation)
      : toText(explanation, { folder: shown(config.rules), timeZone })
  )
  return EXIT.success
}

/** The rules folder as messages show it, to be put in front of the names of files. */
function shown(folder: string): string {
  const fromHere = relative('', folder)
  if (fromHere === '') return ''
  return join(fromHere.startsWith('..') ? folder : fromHere, '/')
}

function readQuestion(name: string, { type, from, at }: ExplainOptions): Omit<Asked, 'clock'> {
  const qtype = readRrtype(type) ?? usage(`--type: ${type} is no query type such as A or TYPE65280`)
  checkAt(at)
  const client = addressWords(given('--from', () => readAddress(from)))
  return { name: given('<name>', () => readName(name)), qtype, client }
}

/** What the calendar shows; a time without an offset is one of the zone that the rules have. */
function wallAt(at: string | undefined, timeZone: string): Milliseconds {
  const seconds = at === undefined ? undefined : readInstant(at, timeZone)
  return seconds === undefined ? Date.now() : seconds * MS_PER_SECOND
}

function forwarderFor(config: Config): Promise<Forwarder> {
  const { transport } = chooseTransport('portable')
  const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }
  return openForwarder(
    config,
    configuredUpstreams(config).upstreams,
    transport,
    systemClock,
    silent
  )
}
