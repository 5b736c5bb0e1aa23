import type { Milliseconds } from '../../src/base/units.js'
import { header, octets, opt, question } from '../dns/octets.js'
import type { Dice } from '../fuzz/dice.js'
import type { Checker } from './checker.js'
import { TcpClient, UdpClient, type Client } from './clients.js'
import { nameOf, type Kind } from './world.js'

/** Sockets: so many that each worker has some, however the kernel spreads them. */
const UDP_CLIENTS = 32
const TCP_CLIENTS = 8
const TICK: Milliseconds = 10
/** Of a hundred queries, those over TCP, and those with EDNS. */
const OVER_TCP = 10
const WITH_EDNS = 70
/** Names of a kind, but for `fresh`: what is held is asked for again, and most of it runs out. */
const NAMES = 200
const HOT = 50

/** How often each kind is asked for, of a hundred. */
const MIX: readonly (readonly [Kind, number])[] = [
  ['banned', 20],
  ['even', 10],
  ['odd', 10],
  ['alias', 10],
  ['address', 10],
  ['fresh', 10],
  ['hot', 30]
]

/** A mixed load at a steady rate. */
export class Load {
  asked = 0
  private times: Milliseconds[] = []
  private readonly udp: UdpClient[] = []
  private readonly tcp: TcpClient[] = []
  private timer: NodeJS.Timeout | undefined

  constructor(
    private readonly checker: Checker,
    private readonly dice: Dice,
    private readonly rate: number
  ) {}

  async start(port: number): Promise<void> {
    const took = (time: Milliseconds): void => void this.times.push(time)
    for (let i = 0; i < UDP_CLIENTS; i++) {
      const client = new UdpClient(this.checker, took)
      await client.start(port)
      this.udp.push(client)
    }
    for (let i = 0; i < TCP_CLIENTS; i++) {
      const client = new TcpClient(this.checker, took)
      client.start(port)
      this.tcp.push(client)
    }
    const started = performance.now()
    this.timer = setInterval(() => {
      const now = performance.now()
      const due = Math.floor(((now - started) / 1000) * this.rate)
      // What was missed while this process had no time is not made up for at once.
      for (let left = Math.min(due - this.asked, this.rate / 10); left > 0; left--) this.ask()
      this.asked = Math.max(this.asked, due)
      for (const client of this.clients) client.sweep(now)
    }, TICK)
  }

  /** No more queries; resolves when the last is answered or given up. */
  async stop(): Promise<void> {
    clearInterval(this.timer)
    while (this.clients.some(({ waiting }) => waiting > 0)) {
      await new Promise(resolve => setTimeout(resolve, TICK))
      for (const client of this.clients) client.sweep(performance.now())
    }
    for (const client of this.clients) client.close()
  }

  /** Times of all answers since the last call. */
  takeTimes(): Milliseconds[] {
    const { times } = this
    this.times = []
    return times
  }

  private get clients(): readonly Client[] {
    return [...this.udp, ...this.tcp]
  }

  private ask(): void {
    const { dice } = this
    const kind = this.nextKind()
    const number = kind === 'fresh' ? this.asked : dice.below(kind === 'hot' ? HOT : NAMES)
    const overTcp = dice.chance(OVER_TCP)
    const client: Client = overTcp ? dice.pick(this.tcp) : dice.pick(this.udp)
    client.ask(kind, number, encode(nameOf(kind, number), dice.chance(WITH_EDNS)), overTcp)
    this.asked++
  }

  private nextKind(): Kind {
    let lot = this.dice.below(100)
    return MIX.find(([, share]) => (lot -= share) < 0)![0]
  }
}

function encode(name: string, edns: boolean): Uint8Array {
  const head = header(0, 0x0100, 1, 0, 0, edns ? 1 : 0)
  return octets(head, question(name), edns ? opt(1232) : [])
}
