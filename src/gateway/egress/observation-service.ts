import { networkInterfaces } from 'node:os'
import { failure } from '../../base/errors/error.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { Clock } from '../../base/time/clock.js'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import { addressOf, readAddress, showAddress } from '../../base/values/address.js'
import { FindingLog } from '../../lookups/egress/finding-log.js'
import { ClientText } from '../../lookups/privacy/client-text.js'
import { KeyRing } from '../../lookups/privacy/key-ring.js'
import { AnsweredAddresses } from '../../policy/egress/answered-addresses.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import { ENTRY_WORDS, type AnswerBatch } from '../../resolver/stages/answer-notes.js'
import { BannedAddresses } from './banned-addresses.js'
import type { ConnectionMessage } from './connection-messages.js'
import { ConnectionClient } from './connection-client.js'
import { ConnectionObserver } from './connection-observer.js'
import type { AddressTarget, ObservationInit, ObservationState } from './observation-messages.js'

/** The gateway may get addresses while it runs. */
const OWN_INTERVAL: Milliseconds = 10_000

/** What the observation thread does, apart from being a thread. */
export class ObservationService {
  private readonly answered: AnsweredAddresses
  private readonly observer: ConnectionObserver
  private readonly findings: FindingLog | undefined
  private readonly client: ConnectionClient
  private banned: BannedAddresses
  private targets = new Map<string, AddressTarget>()
  private reading = false
  private counted = false
  private error: string | null = null
  private hasLogged = false
  private ownAt: Milliseconds = -Infinity

  constructor(
    { socket, folder, privacy, snapshot }: ObservationInit,
    private readonly clock: Clock,
    private readonly log: ServiceLog
  ) {
    this.answered = new AnsweredAddresses(clock.wall() / MS_PER_SECOND)
    this.findings = folder === undefined ? undefined : new FindingLog(folder, log)
    const { keys, ...options } = privacy
    const ring = new KeyRing(keys, clock, ({ code, message }) => log.error({ code }, message))
    const text = new ClientText(options, ring)
    this.observer = new ConnectionObserver({
      ...{ clock, answered: this.answered },
      target: ({ network, client, destination }, now) =>
        this.targets.get(`${network} ${destination}`) ?? this.banned.find(client, destination, now),
      clientText: (client, network, wall) => text.of(client, network, wall),
      write: line => this.findings?.push(line)
    })
    this.client = new ConnectionClient(socket, {
      message: message => this.take(message),
      down: error => this.onState(false, this.counted, error)
    })
    this.banned = new BannedAddresses(snapshot)
    this.observer.setRules(snapshot.clients)
  }

  get state(): ObservationState {
    const { reading, error, counted } = this
    const known = this.answered.isKnownAt(this.clock.wall() / MS_PER_SECOND)
    return { reading, error, counted, known, ...this.observer.counts }
  }

  start(): void {
    this.findings?.start(this.clock.wall())
    this.client.start()
  }

  setRules(snapshot: Snapshot): void {
    this.banned = new BannedAddresses(snapshot)
    this.observer.setRules(snapshot.clients)
  }

  setTargets(targets: readonly AddressTarget[]): void {
    this.targets = new Map(targets.map(one => [`${one.network} ${one.address}`, one]))
  }

  addAnswers({ networks, entries, hasMissed }: AnswerBatch): void {
    const now = this.clock.wall() / MS_PER_SECOND
    for (let at = 0; at < entries.length; at += ENTRY_WORDS) {
      const network = networks[entries[at]!]
      const address = showAddress(addressOf(entries.subarray(at + 1, at + ENTRY_WORDS)))
      if (network !== undefined) this.answered.add(network, address, now)
    }
    if (hasMissed) this.answered.miss(now)
  }

  /** Judges connections, and writes findings. Call it several times a second. */
  tick(): void {
    if (this.clock.now() - this.ownAt >= OWN_INTERVAL) this.readOwn()
    this.observer.tick()
    this.findings?.flush(this.clock.wall())
  }

  close(): void {
    this.client.close()
    this.observer.close()
    this.findings?.stop(this.clock.wall())
  }

  private readOwn(): void {
    this.ownAt = this.clock.now()
    const all = Object.values(networkInterfaces()).flatMap(one => one ?? [])
    const texts = all.map(({ address }) => address.replace(/%.*$/, ''))
    this.observer.setOwn(texts.map(text => showAddress(readAddress(text))))
  }

  private take(message: ConnectionMessage): void {
    if ('reading' in message)
      return this.onState(message.reading, message.counted, message.error ?? 'no reason given')
    for (const event of message.events) this.observer.add({ ...event, octets: event.octets })
    if (message.lost > 0) this.observer.lose(message.lost)
  }

  /** Logs that connections are read, and that they are not: once each. */
  private onState(reading: boolean, counted: boolean, error: string): void {
    const wasLogged = this.reading === reading && this.hasLogged
    this.hasLogged = true
    Object.assign(this, { reading, counted, error: reading ? null : error })
    if (wasLogged) return
    if (reading) return this.log.info({ counted }, 'connections of clients are observed')
    const { code, message } = failure('EGRESS_UNOBSERVED', error)
    this.log.warn({ code }, message)
  }
}
