import { setTimeout as sleep } from 'node:timers/promises'
import { collectGarbage } from '../../src/base/threads/heap.js'
import { ConnectionLimit } from '../../src/resolver/server/connection-limit.js'
import type { TcpService } from '../../src/resolver/server/tcp-service.js'
import { serveTcp } from '../../src/resolver/server/tcp.js'
import { loadOpenSsl } from '../../src/wire/tls/openssl/load-openssl.js'
import { FakeResponder } from '../server/fake-responder.js'
import { queries } from '../server/tcp-client.js'
import { tlsListenOptions } from '../server/tls-options.js'
import { transports, turns } from '../server/transports.js'
import { openSslObjects } from '../tls/open-ssl-objects.js'
import { RecordClient } from '../tls/record-client.js'
import { Dice } from './dice.js'
import { Curve } from './memory.js'
import type { Options } from './options.js'
import type { Say } from './run-inside.js'
import { sendEncrypted, sendHandshake } from './tls-attacks.js'

/** Clients that do nothing wrong, each of which sends its records in two pieces. */
const CANARIES = 10
const ATTACKERS = 6
/** A canary that has no answer by then was forgotten. */
const ANSWERED_WITHIN = 20_000
/** A canary sends something after this, whatever the attackers do. */
const PATIENCE = 100
/** Growth of memory from a third of the run to its end. */
const ALLOWED = 48 * 2 ** 20
const LOOKS = 20

interface Tally {
  answers: number
  encrypted: number
  handshakes: number
  records: number
  /** Attackers that were turned away. */
  refused: number
}

/**
 * Attacks a listener for DNS over TLS in this process with records of any content and valid tags, and with mutated
 * handshakes, beside canaries: whatever one connection does, each of them must get its answers. @returns what is wrong
 */
export async function runTls(options: Options, say: Say): Promise<string[]> {
  const { openssl } = process.versions
  const openSsl = loadOpenSsl()
  if (typeof openSsl === 'string') return [openSsl]
  if (options.openSsl !== undefined && !openssl.startsWith(`${options.openSsl}.`))
    return [`found OpenSSL ${openssl}, wanted ${options.openSsl}`]
  const transport = transports()[0]!
  if (transport.kind !== 'batch') return ['there are no batch sockets']
  const objects = openSslObjects({ teardown: () => undefined })
  const terms = { bits: { ipv4: 32, ipv6: 56 }, exempt: undefined }
  const responder = new FakeResponder()
  const service = await serveTcp(transport, { address: '127.0.0.1', port: 0 }, responder, {
    limits: { idle: 60_000, connections: 1000, queriesInFlight: 100 },
    clock: { now: () => performance.now(), wall: () => Date.now() },
    connectionLimit: new ConnectionLimit(1000, terms),
    proxies: undefined,
    tls: tlsListenOptions({ timeout: 10_000 })
  })
  const run = new Run(options, service, responder)
  await run.untilEnd()
  const { tally, faults, resident } = run
  service.close()
  for (let turn = 0; turn < 1000 && objects.connections.size > 0; turn++) await sleep(1)
  // The clients of the canaries have one each.
  if (objects.contexts.size > CANARIES)
    faults.push(`${objects.contexts.size} contexts were not freed`)
  if (objects.connections.size > 0)
    faults.push(`${objects.connections.size} connections of OpenSSL were not freed`)
  say(
    `tls: OpenSSL ${openssl}: ${tally.encrypted} connections with ${tally.records} records, ${tally.handshakes} with mutated handshakes (${tally.refused} refused), ${tally.answers} answers to canaries`
  )
  say(resident.show('connections'))
  if (tally.encrypted === 0 || tally.handshakes === 0) faults.push('nothing was attacked')
  if (tally.answers < CANARIES) faults.push('no canary was answered')
  return faults
}

class Run {
  readonly tally: Tally = { answers: 0, encrypted: 0, handshakes: 0, records: 0, refused: 0 }
  readonly faults: string[] = []
  readonly resident = new Curve()
  private isOver = false
  /** Canaries that wait for the next attack. */
  private readonly perched: (() => void)[] = []

  constructor(
    private readonly options: Options,
    private readonly service: TcpService,
    private readonly responder: FakeResponder
  ) {}

  private get isDone(): boolean {
    return this.isOver || this.faults.length > 0
  }

  async untilEnd(): Promise<void> {
    const { seed, seconds } = this.options
    const fail = (error: Error): void =>
      void this.faults.push(`threw ${error.stack ?? error.message}`)
    process.on('uncaughtException', fail)
    const dice = (number: number): Dice => new Dice(seed + number)
    const canaries = Array.from({ length: CANARIES }, (_, i) => this.sing(i, dice(i)))
    const attackers = Array.from({ length: ATTACKERS }, (_, i) => this.attack(dice(1000 + i)))
    const watch = this.watchMemory(seconds)
    await Promise.all([...canaries, ...attackers, watch].map(one => one.catch(fail)))
    process.off('uncaughtException', fail)
    const grown = this.resident.growthAfter(this.attacked(1 / 3))
    if (grown > ALLOWED) this.faults.push(`the memory grew by ${grown} octets`)
  }

  /** Until the end. @returns nothing: what was attacked is in `tally` */
  private async watchMemory(seconds: number): Promise<void> {
    for (let look = 0; look < LOOKS && this.faults.length === 0; look++) {
      await sleep((1000 * seconds) / LOOKS)
      collectGarbage()
      this.resident.add(this.attacked(), process.memoryUsage().rss)
    }
    this.isOver = true
  }

  private attacked(part = 1): number {
    return Math.floor(part * (this.tally.encrypted + this.tally.handshakes))
  }

  /** One canary, all the time: a query, and the same octets in return. */
  private async sing(number: number, dice: Dice): Promise<void> {
    const { service, tally, faults } = this
    const client = await RecordClient.open(service.local.port)
    for (let count = 0; !this.isDone; count++) {
      const text = `now ${number} ${count}`
      const record = client.record(queries(text))
      const cut = dice.below(record.length)
      // With an attack, so that the server reads both in one turn.
      await new Promise<void>(resolve => {
        this.perched.push(resolve)
        setTimeout(resolve, PATIENCE)
      })
      client.socket.write(record.subarray(0, cut))
      await turns(dice.below(4))
      client.socket.write(record.subarray(cut))
      const expected = queries(`re: ${text}`)
      const problem = await this.missing(client, expected)
      if (problem !== undefined) faults.push(`canary ${number}, query ${count}: ${problem}`)
      tally.answers++
      client.received = Buffer.alloc(0)
      if (count % 100 === 0) this.forget()
    }
    client.socket.destroy()
  }

  /** Why a canary has another answer; undefined: it has the right one. */
  private async missing(client: RecordClient, expected: Buffer): Promise<string | undefined> {
    const until = performance.now() + ANSWERED_WITHIN
    while (client.received.length < expected.length) {
      if (client.closed || client.socket.readableEnded) return `closed (${client.problem})`
      if (performance.now() > until) return 'no answer'
      await turns(1)
    }
    return client.received.equals(expected)
      ? undefined
      : `foreign octets ${client.received.toString('hex')}`
  }

  private release(): void {
    for (const resolve of this.perched.splice(0)) resolve()
  }

  private async attack(dice: Dice): Promise<void> {
    const { tally, service } = this
    const { port } = service.local
    while (!this.isDone) {
      if (dice.chance(60)) {
        try {
          const records = await sendEncrypted(port, dice, () => this.release())
          tally.records += records
          tally.encrypted++
        } catch {
          // Its handshake did not end: the server may turn attackers away.
          tally.refused++
        }
      } else {
        await sendHandshake(port, dice)
        tally.handshakes++
      }
    }
  }

  /** The memory of the responder is not what is measured. */
  private forget(): void {
    const { responder } = this
    for (const text of responder.pending.keys()) responder.silence(text)
    responder.clients.length = responder.protocols.length = 0
  }
}
