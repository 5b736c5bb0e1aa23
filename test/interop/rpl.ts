/**
 * The scenarios that Unbound publishes for response policy zones, DNS64 and local zones, played to Interdict: the same zones as
 * lists, the same upstream, the same queries, and answers compared as Unbound's testbound does. Run by
 * `npm run test:interop`.
 */
import { createSocket } from 'node:dgram'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { queryOctets } from '../resolver/message-octets.js'
import { readMessage, type Message } from '../resolver/message-text.js'
import { proxyHeader } from '../resolver/socket-stage.js'
import { frames, TcpClient } from '../server/tcp-client.js'
import { eventually, site, startInterdict } from './processes.js'
import { expectedOf, receivedOf } from './rpl-compare.js'
import { readRpl, type RplScenario, type RplStep } from './rpl-file.js'
import { gatewayFor, type RplGateway } from './rpl-gateway.js'
import { DIFFERENCES, NOT_FOR_A_FORWARDER, PLAYED_UNTIL } from './rpl-reasons.js'
import { fetchScenarios } from './rpl-source.js'
import { RplUpstream } from './rpl-upstream.js'

t.setTimeout(600_000)

/** How long a query without an expected answer must stay unanswered. */
const SILENCE_MS = 700
const PATIENCE_S = 10
const MAX_PASSING_S = 5
/** The client of steps without an address. */
const CLIENT = '127.0.0.1'

const folder = fetchScenarios(t)
const only = process.argv[2] ?? ''
const files = readdirSync(folder).filter(
  name => /(rpz|dns64|local).*\.rpl$/.test(name) && name.includes(only)
)
t.ok(files.length >= 28 || only !== '', `${files.length} scenarios in ${folder}`)

for (const file of files) {
  const why = NOT_FOR_A_FORWARDER[file]
  if (why !== undefined) {
    t.comment(`${file}: not for a forwarder: ${why}`)
    continue
  }
  const scenario = readRpl(readFileSync(join(folder, file), 'utf8'))
  t.test(`${file}: ${scenario.title}`, async t => play(t, file, scenario))
}

async function play(t: Test, file: string, scenario: RplScenario): Promise<void> {
  const upstream = await RplUpstream.open(t, scenario.ranges)
  const port = await start(t, gatewayFor(scenario, upstream.port))
  const until = PLAYED_UNTIL[file]
  const steps = scenario.steps.filter(({ number }) => number < (until?.step ?? Infinity))
  if (until !== undefined) t.comment(`${file}: played up to step ${until.step}: ${until.why}`)
  let same = 0
  let checked = 0
  for (const [nth, step] of steps.entries()) {
    if (step.kind === 'TIME_PASSES') await pass(step)
    if (step.kind !== 'QUERY') continue
    upstream.step = step.number
    const following = steps.slice(nth + 1)
    const next = following.findIndex(({ kind }) => kind === 'QUERY')
    const check = following
      .slice(0, next === -1 ? undefined : next)
      .find(({ kind }) => kind === 'CHECK_ANSWER')
    const reply = await ask(port, step, check !== undefined)
    const [expected, received] = [expectedOf(check?.entry), receivedOf(reply, check?.entry)]
    const reason = DIFFERENCES[file]?.[check?.number ?? step.number]
    const what = `step ${step.number}: ${step.entry!.name} ${step.entry!.type}`
    checked++
    if (reason !== undefined) {
      t.notSame(received, expected, `${what} differs: ${reason}`)
    } else if (t.strictSame(received, expected, what)) same++
  }
  t.comment(`${file}: ${same} of ${checked} as published`)
}

/** Lets records expire; longer times are for queries that are never answered. */
async function pass({ words: [, seconds] }: RplStep): Promise<void> {
  if (Number(seconds) <= MAX_PASSING_S) await sleep(1000 * Number(seconds) + 200)
}

/** Starts a gateway, and returns its port; again if another program has taken the port meanwhile. */
async function start(t: Test, gateway: RplGateway, tries = 3): Promise<number> {
  const at = await site(t, gateway.settings, gateway.networks)
  await mkdir(join(at.dir, 'rules/lists'))
  for (const [path, text] of gateway.lists) at.write(`rules/${path}`, text)
  try {
    await startInterdict(t, at)
    return at.port
  } catch (error) {
    if (tries === 1 || !String(error).includes('SOCKET_BIND')) throw error
    return await start(t, gateway, tries - 1)
  }
}

/** Sends the query of a step. @param isAnswered whether an answer is expected */
async function ask(
  port: number,
  { words: place, entry }: RplStep,
  isAnswered: boolean
): Promise<Message | undefined> {
  const { name, type, match, reply } = entry!
  const flags = reply.filter(word => ['RD', 'CD', 'AD'].includes(word)).join(' ')
  const query = queryOctets({ name, type, class: 'IN', flags, opcode: 0, edns: false } as never)
  const header = proxyHeader(place[0] === 'ADDRESS' ? place[1]! : CLIENT)
  return match.includes('TCP')
    ? await askTcp(port, Buffer.concat([header, frames(query)]), isAnswered)
    : await askUdp(port, Buffer.concat([header, query]), isAnswered)
}

async function askUdp(
  port: number,
  packet: Buffer,
  isAnswered: boolean
): Promise<Message | undefined> {
  const socket = createSocket('udp4')
  let reply: Buffer | undefined
  socket.on('message', octets => (reply = octets))
  socket.send(packet, port, '127.0.0.1')
  await arrival(() => reply !== undefined, isAnswered)
  socket.close()
  return reply && readMessage(reply)
}

async function askTcp(
  port: number,
  octets: Buffer,
  isAnswered: boolean
): Promise<Message | undefined> {
  const client = new TcpClient(port)
  await client.send(octets)
  await arrival(() => client.messages.length > 0, isAnswered)
  client.socket.destroy()
  const [reply] = client.messages
  return reply && readMessage(reply)
}

/** Waits for a reply; where none is expected, long enough to notice one. */
async function arrival(met: () => boolean, isAnswered: boolean): Promise<void> {
  if (!isAnswered) await sleep(SILENCE_MS)
  else await eventually('an answer', PATIENCE_S, async () => met()).catch(() => undefined)
}
