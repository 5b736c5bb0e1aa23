import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Milliseconds } from '../../src/base/units.js'
import { OUTPUT, type Launch, type Peer, type Site } from '../peers/peer.js'
import { ask, type Protocol, type Reply } from './ask.js'
import type { Blocklist } from './blocklist.js'
import { allowedName, blockedName, markerName } from './names.js'
import { SERVER_CORE } from './place.js'
import { freePort } from './ports.js'
import { start, type Running } from './processes.js'
import type { Workshop } from './workshop.js'

/** How long a server may take until it answers; one that loads 10M names may need minutes. */
const READY_LIMIT: Milliseconds = 240_000
/** How often an unready server is asked. */
const READY_STEP: Milliseconds = 2

/** A server that was started on the measured core and answers. */
export class Server {
  private constructor(
    readonly peer: Peer,
    readonly port: number,
    readonly process: Running,
    readonly launch: Launch,
    /** From the start of the process to the first right answers. */
    readonly readyAfter: Milliseconds
  ) {}

  /** @throws Error with what it printed, where it ends or is not ready in time */
  static async start(
    peer: Peer,
    workshop: Workshop,
    setting: { blocklist: Blocklist | undefined; log: boolean; signed?: Site['signed'] }
  ): Promise<Server> {
    const folder = join(workshop.folder, `${peer.name}-${workshop.nextNumber()}`)
    await mkdir(folder)
    const port = await freePort()
    const { programs, upstream } = workshop
    const launch = await peer.launch({
      folder,
      port,
      upstream: setting.signed?.port ?? upstream,
      programs,
      signed: undefined,
      ...setting
    })
    const output = join(folder, OUTPUT)
    const since = performance.now()
    const running = start(launch.command, {
      core: SERVER_CORE,
      folder,
      output,
      ...(launch.env && { env: launch.env })
    })
    const wanted = peer.answers ? setting.blocklist : undefined
    while (!(await isReady(port, peer, wanted))) {
      const late = performance.now() - since > READY_LIMIT
      if (running.alive() && !late) {
        await sleep(READY_STEP)
        continue
      }
      await running.stop()
      launch.close?.()
      throw new Error(`${late ? 'not ready in time' : 'ended'}: ${running.tail()}`)
    }
    return new Server(peer, port, running, launch, performance.now() - since)
  }

  async stop(): Promise<void> {
    await this.process.stop()
    this.launch.close?.()
  }
}

const isUpstreams = (reply: Reply | undefined) =>
  reply?.rcode === 'NOERROR' && reply.addresses.join() === '192.0.2.1'

const isBlocked = (reply: Reply | undefined) =>
  reply?.rcode === 'NOERROR' && reply.addresses.join() === '0.0.0.0'

let probes = 0

async function isReady(port: number, peer: Peer, list: Blocklist | undefined): Promise<boolean> {
  const timeout = 250
  const reply = await ask(port, allowedName(0), { timeout })
  if (reply === undefined || (peer.answers && !isUpstreams(reply))) return false
  return list === undefined || isInForce(port, list)
}

/**
 * Whether the server blocks by this generation of the list. Each time by a new name below the
 * marker: an answer from before would come from a cache.
 */
export async function isInForce(port: number, list: Blocklist): Promise<boolean> {
  const name = `probe-${++probes}.${markerName(list.generation)}`
  return isBlocked(await ask(port, name, { timeout: 250 }))
}

/**
 * Asks 20 questions: five listed names, five names below listed ones, ten that are not listed.
 * Undefined: all answers are right; else what is wrong.
 */
export async function findWrongAnswer(
  server: Server,
  list: Blocklist,
  protocol: Protocol
): Promise<string | undefined> {
  const step = Math.floor(list.count / 10)
  for (let i = 0; i < 20; i++) {
    const listed = i % 2 === 0
    const name = listed
      ? (i % 4 === 0 ? '' : 'www.') + blockedName((i / 2) * step)
      : allowedName(i * 31)
    const reply = await ask(server.port, name, { protocol })
    if (listed ? isBlocked(reply) : isUpstreams(reply)) continue
    const seen = reply === undefined ? 'no answer' : `${reply.rcode} ${reply.addresses.join()}`
    return `wrong answer for ${listed ? 'a listed' : 'an unlisted'} name: ${seen}`
  }
  return undefined
}
