import { randomInt } from 'node:crypto'
import { OPCODE } from '../../../wire/dns/registry/opcode.js'
import type { StatusReply } from '../../../gateway/status/health.js'
import { PROBLEMS } from '../../../gateway/status/problems.js'
import type { Octets } from '../../../base/units.js'
import type { ListenConfig } from '../../../gateway/config/config.js'
import type { Endpoint } from '../../../wire/sockets/datagram.js'
import { localAddresses } from '../../../wire/sockets/local-addresses.js'
import { portableTransport } from '../../../wire/sockets/portable/portable.js'
import { TlsExchange } from '../../../resolver/upstream/connections/tls-exchange.js'
import { parseMilliseconds } from '../../args/parse.js'
import { callGateway, type AdminOptions } from '../../args/call-gateway.js'
import { loadSettings } from '../../args/settings.js'
import { EXIT } from '../../exit.js'
import { print, printJson, type Io } from '../../io.js'
import { formatEndpoint } from '../../output/format.js'
import { problemLines } from '../../output/gateway/status-text.js'

export interface PingOptions extends AdminOptions {
  readonly ready?: boolean
  readonly json?: boolean
}

/** Attempts for each address. */
const ATTEMPTS = 4

const ANSWERS = 'answers'
const REFUSES = 'refuses clients without identity'
const SILENT = 'does not answer'
const UNREACHABLE = 'cannot be checked from this machine'

type Answer = typeof ANSWERS | typeof REFUSES | typeof SILENT | typeof UNREACHABLE

/**
 * `interdict ping`: whether the server answers on every listen address of the settings. The query has
 * opcode STATUS, which the server itself answers (NOTIMP), without upstreams, rules or log records.
 *
 * A wildcard address of a family that this machine lacks cannot be checked. That is not an error:
 * containers without IPv6 are common, and listening on `[::]` works in them. A listener that refuses clients
 * without identity (`anonymous-clients`) is alive if it completes the handshake and then refuses.
 */
export async function ping(options: PingOptions, io: Io): Promise<number> {
  const timeout = parseMilliseconds('--timeout', options.timeout)
  const { listen } = await loadSettings(options)
  const results = await Promise.all(
    listen.map(async (endpoint): Promise<Answer> => {
      const at = reachable(endpoint)
      if (at === undefined) return UNREACHABLE
      if (endpoint.certificates !== undefined) return askOverTls(at, endpoint, timeout)
      return (await answers(at, timeout)) ? ANSWERS : SILENT
    })
  )
  const isAlive = results.some(result => result === ANSWERS || result === REFUSES)
  const answered = isAlive && !results.includes(SILENT)
  if (options.json !== true) {
    for (const [i, result] of results.entries()) {
      print(io, `${formatEndpoint(listen[i]!)} ${result}\n`)
    }
  }
  const readiness = answered && options.ready === true ? await checkReadiness(options) : undefined
  if (options.json === true) {
    const endpoints = results.map((result, i) => ({
      endpoint: formatEndpoint(listen[i]!),
      answers: result === ANSWERS ? true : result === SILENT ? false : null,
      ...(result === REFUSES && { refused: true })
    }))
    printJson(io, {
      ok: answered && readiness?.ready !== false,
      endpoints,
      health: readiness ?? null
    })
  } else if (readiness !== undefined) {
    const lines = problemLines(readiness.problems).join('\n')
    print(io, readiness.ready ? 'ready\n' : `not ready\n${lines}\n`)
  }
  return answered && readiness?.ready !== false ? EXIT.success : EXIT.failure
}

/** Whether the gateway is ready, and if not, why. */
async function checkReadiness(options: PingOptions): Promise<StatusReply['health']> {
  const { health, readyRequires } = await callGateway<StatusReply>({ do: 'status' }, options)
  const needed = ['serving', ...readyRequires]
  const problems = health.problems.filter(({ code, state }) => {
    return PROBLEMS[code].fails && needed.includes(state)
  })
  return { ...health, problems }
}

/** Loopback for a wildcard address; undefined if this machine has none of that family. */
function reachable({ address, port }: Endpoint): Endpoint | undefined {
  if (address !== '0.0.0.0' && address !== '::') return { address, port }
  const loopback = address === '::' ? '::1' : '127.0.0.1'
  return localAddresses().some(({ address }) => address === loopback)
    ? { address: loopback, port }
    : undefined
}

/** Whatever its certificate, which clients check: `interdict status` shows when it expires. */
async function askOverTls(
  endpoint: Endpoint,
  { dohPath: path, recognition }: ListenConfig,
  timeout: number
): Promise<Answer> {
  const id = path === undefined ? randomInt(0x10000) : 0
  const tls = { path, name: undefined, pins: [], ca: undefined, client: undefined }
  const seen = { isAnswered: false, isLate: false }
  const exchange = new TlsExchange(
    endpoint,
    { ...tls, opportunistic: true },
    statusQuery(id),
    reply => (seen.isAnswered = isReply(reply, 0, id))
  )
  const timer = setTimeout(() => {
    seen.isLate = true
    exchange.close()
  }, timeout)
  await exchange.ended
  clearTimeout(timer)
  if (seen.isAnswered) return ANSWERS
  const isRefused = exchange.isEncrypted && !seen.isLate && recognition?.missing === 'refuse'
  return isRefused ? REFUSES : SILENT
}

async function answers(endpoint: Endpoint, timeout: number): Promise<boolean> {
  const id = randomInt(0x10000)
  const transport = portableTransport()
  let settle: (answered: boolean) => void = () => undefined
  const answered = new Promise<boolean>(resolve => {
    settle = resolve
  })
  const socket = transport.open(endpoint.address.includes(':') ? 6 : 4, batch => {
    if (isReply(batch.octets, batch.starts[0]!, id)) settle(true)
  })
  const query = statusQuery(id)
  const peer = transport.peer(endpoint)
  const send = (): void => socket.send(query, 0, query.length, peer)
  send()
  // A busy server with a full queue loses datagrams.
  const retries = setInterval(send, timeout / ATTEMPTS)
  const timer = setTimeout(() => settle(false), timeout)
  const result = await answered
  clearInterval(retries)
  clearTimeout(timer)
  socket.close()
  return result
}

function statusQuery(id: number): Uint8Array {
  return Uint8Array.from([id >> 8, id & 255, OPCODE.STATUS << 3, 0, 0, 0, 0, 0, 0, 0, 0, 0])
}

function isReply(octets: Uint8Array, at: Octets, id: number): boolean {
  return octets[at] === id >> 8 && octets[at + 1] === (id & 255) && octets[at + 2]! >= 0x80
}
