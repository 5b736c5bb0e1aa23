import { readFile } from 'node:fs/promises'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { addressWords, readAddress, showAddress } from '../../../base/values/address.js'
import { MAX_SECRET_FILE, readBoundedFileSync } from '../../../base/files/bounded-file.js'
import { epochSeconds, systemClock } from '../../../base/time/clock.js'
import { MS_PER_SECOND, type Milliseconds } from '../../../base/units.js'
import { readUpstream } from '../../../policy/yaml/upstream-servers.js'
import { locallyAnsweredNames } from '../../../gateway/compiler/locally-answered.js'
import { compile } from '../../../policy/compile/compile.js'
import { IdentityIndex } from '../../../policy/evaluate/identity-index.js'
import { Policy } from '../../../policy/evaluate/policy.js'
import type { Snapshot } from '../../../policy/tables/snapshot.js'
import { clientOf, type ProbeClient } from '../../../gateway/probe/probe-clients.js'
import { exchange, targetsOf, type Target } from '../../../gateway/probe/probe-exchange.js'
import { planOf } from '../../../gateway/probe/probe-plan.js'
import { runPlan, type ProbeFailure, type ProbeResult } from '../../../gateway/probe/run-plan.js'
import { escapeControls } from '../../../base/log/terminal-line.js'
import { loadRules } from '../../../policy/rules/load.js'
import type { RuleSet } from '../../../policy/rules/model/types.js'
import { mandatesSource } from '../../../gateway/compiler/rules-location.js'
import { mandatedNames, type MandatedNames } from '../../../policy/rules/mandates/mandated-names.js'
import { readMandates } from '../../../sources/mandates/read-mandates.js'
import { nameservers } from '../../../resolver/upstream/selection/resolv-conf.js'
import type { UpstreamServer, UpstreamTls } from '../../../wire/sockets/upstream-server.js'
import { parseArgument, parseMilliseconds, parseWholeNumber } from '../../args/parse.js'
import { ruleFilesAt } from '../../args/configured-rules.js'
import { loadSettings, type CommonOptions } from '../../args/settings.js'
import { loadConfiguredRules } from '../../args/configured-rules.js'
import { EXIT, rejectInput, usageError } from '../../exit.js'
import { print, type Io } from '../../io.js'
import { formatCount } from '../../output/format.js'

const RESOLV_CONF = '/etc/resolv.conf'
const PARALLEL = 16

export interface ProbeOptions extends CommonOptions {
  readonly from: string
  readonly client?: string
  readonly clientCertificate?: string
  readonly clientKey?: string
  readonly network?: string
  readonly rules?: string
  readonly server?: readonly string[]
  readonly hardCoded?: readonly string[]
  readonly control?: readonly string[]
  readonly names: string
  readonly foreign?: boolean
  readonly every?: string
  readonly timeout: string
  readonly json?: boolean
}

/**
 * `interdict probe`: asks a resolver for banned names from this machine, and compares the answers with the
 * rules. The exit code is 1 if any answer is wrong.
 */
export async function probe(options: ProbeOptions, io: Io): Promise<number> {
  const timeout = parseMilliseconds('--timeout', options.timeout)
  const namesPerBan = parseWholeNumber('--names', options.names, { min: 1, max: 10_000 })
  const every =
    options.every === undefined
      ? undefined
      : parseWholeNumber('--every', options.every, { min: 1, max: 86_400 }) * MS_PER_SECOND
  const hardCoded = (options.hardCoded ?? []).flatMap(text => hardCodedTargets(text))
  const { rules, snapshot, mandated } = await loadProbeRules(options, io)
  const client = givenClient(options, snapshot)
  const own = options.server?.map(text => serverOf('--server', text)) ?? (await systemServers())
  const certificate = certificateOf(options)
  const servers = own.map(server =>
    server.tls === undefined ? server : { ...server, tls: { ...server.tls, client: certificate } }
  )
  if (servers.length === 0) usageError('--server: no resolver given, and none in /etc/resolv.conf')
  const run = (round: number): Promise<ProbeResult> => {
    const now = epochSeconds(systemClock)
    const control = options.control ?? []
    const asked = { namesPerBan, control, every, client, mandated }
    const plan = planOf(rules, snapshot, { ...asked, round, now })
    return runPlan(plan, {
      targets: servers.flatMap(targetsOf),
      hardCoded,
      isOwn: options.foreign !== true,
      timeout,
      parallel: PARALLEL,
      ask: (target, query) => exchange(target, query, timeout)
    })
  }
  for (let round = 0; ; round++) {
    const result = await run(round)
    if (options.json === true)
      io.stdout.write(`${JSON.stringify({ at: new Date().toISOString(), ...result })}\n`)
    else print(io, textOf(result, client.network))
    const code = result.failures.length === 0 ? EXIT.success : EXIT.failure
    if (every === undefined || (await stopped(io, every))) return code
  }
}

/** Which client this machine is under the rules. */
function givenClient(
  { from, client, network: wanted }: ProbeOptions,
  snapshot: Snapshot
): ProbeClient {
  const address = parseArgument('--from', () => readAddress(from))
  const words = addressWords(address)
  const policy = new Policy(snapshot)
  const recognized =
    client === undefined ? undefined : new IdentityIndex(policy).named(client, words)
  if (client !== undefined && recognized?.status !== 'known')
    usageError(`--client: ${recognized?.reason ?? `the rules have no client ${client}`}`)
  const clientClass = recognized?.clientClass ?? policy.classOf(words, 0)
  const found = clientOf(policy, address, clientClass, client !== undefined)
  const who = client ?? showAddress(address)
  if (found === undefined) usageError(`--from: ${who} is in no network of the rules`)
  if (wanted !== undefined && wanted !== found.network)
    usageError(`--network: ${who} is in network ${found.network}`)
  return found
}

/** What this machine presents to resolvers over TLS. */
function certificateOf({ clientCertificate, clientKey }: ProbeOptions): UpstreamTls['client'] {
  if (clientCertificate === undefined && clientKey === undefined) return undefined
  if (clientCertificate === undefined || clientKey === undefined)
    usageError('--client-certificate and --client-key: both or none')
  return parseArgument('--client-certificate', () => {
    const [certificate, key] = [clientCertificate, clientKey].map(file =>
      readBoundedFileSync(file, MAX_SECRET_FILE).toString('latin1')
    )
    if (!new X509Certificate(certificate!).checkPrivateKey(createPrivateKey(key!)))
      throw new Error('certificate and key do not belong together')
    return { certificate: certificate!, key: key! }
  })
}

async function loadProbeRules(
  options: ProbeOptions,
  io: Io
): Promise<{
  rules: RuleSet
  snapshot: Snapshot
  mandated: readonly MandatedNames[]
}> {
  const config = options.rules === undefined ? await loadSettings(options) : undefined
  const loaded =
    config === undefined
      ? await loadRules(await ruleFilesAt(options.rules!, '', []), systemClock)
      : (await loadConfiguredRules(config, io)).loaded
  if (!loaded.ok) rejectInput(loaded.errors)
  const { rules } = loaded
  const specialUse = config === undefined ? [] : locallyAnsweredNames(config)
  const source = config && mandatesSource(config)
  const { mandates } = source
    ? await readMandates(source, epochSeconds(systemClock))
    : { mandates: [] }
  const snapshot = compile(rules, { generation: 1, random: () => 0, specialUse })
  return { rules, snapshot, mandated: mandatedNames(mandates, rules) }
}

function serverOf(option: string, text: string): UpstreamServer {
  return (
    parseArgument(option, () => readUpstream(text)) ??
    usageError(
      `${option}: expected a resolver such as 192.0.2.53, tls://192.0.2.53#dns.example or https://dns.example/dns-query@192.0.2.53, found ${text}`
    )
  )
}

/**
 * The ways in which an app may reach a resolver that it has built in. With an address alone: UDP and TCP, TLS on
 * port 853, and HTTPS, whatever certificates they have.
 */
function hardCodedTargets(text: string): readonly Target[] {
  const server = serverOf('--hard-coded', text)
  if (server.tls !== undefined) return targetsOf(server)
  const tls: UpstreamTls = {
    ...{ path: undefined, name: undefined, pins: [], ca: undefined, client: undefined },
    opportunistic: true
  }
  const isUsual = server.port === 53
  return [
    server,
    ...(isUsual
      ? [
          { ...server, port: 853, tls },
          { ...server, port: 443, tls: { ...tls, path: '/dns-query' } }
        ]
      : [])
  ].flatMap(targetsOf)
}

async function systemServers(): Promise<readonly UpstreamServer[]> {
  const text = await readFile(RESOLV_CONF, 'utf8').catch(() => '')
  return nameservers({ file: RESOLV_CONF, text }, () => undefined)
}

function textOf({ asked, failures }: ProbeResult, network: string): string {
  const head = `${formatCount(asked, 'question')} as a client of ${network}: ${
    failures.length === 0 ? 'every answer is right' : formatCount(failures.length, 'wrong answer')
  }`
  return `${[head, ...failures.map(lineOf)].map(escapeControls).join('\n')}\n`
}

function lineOf({ kind, name, type, server, problem, rule, client }: ProbeFailure): string {
  const by = rule === '' ? '' : `, rule ${rule}`
  return `  ${name} ${type}${server === '' ? '' : ` at ${server}`}${client === '' ? '' : ` as ${client}`}: ${problem} (${kind}${by})`
}

/** Waits for the next round. @returns whether a signal came */
function stopped(io: Io, wait: Milliseconds): Promise<boolean> {
  return new Promise(resolve => {
    const timer = setTimeout(() => end(false), wait)
    const remove = io.onSignal(() => end(true))
    const end = (isStopped: boolean): void => {
      clearTimeout(timer)
      remove()
      resolve(isStopped)
    }
  })
}
