import { join } from 'node:path'
import { networkInterfaces } from 'node:os'
import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { Clock } from '../../base/time/clock.js'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import { addressOf, readAddress, showAddress } from '../../base/values/address.js'
import { EGRESS } from '../../policy/tables/client-table.js'
import { FindingLog } from '../../lookups/egress/finding-log.js'
import { ClientText } from '../../lookups/privacy/client-text.js'
import { KeyRing } from '../../lookups/privacy/key-ring.js'
import { AnsweredAddresses } from '../../policy/egress/answered-addresses.js'
import type { SeenAddress } from '../../resolver/stages/reply-gate.js'
import { ENTRY_WORDS, type AnswerBatch } from '../../resolver/stages/answer-notes.js'
import { canDeny } from '../config/config.js'
import { unpackRules } from '../compiler/packed-rules.js'
import { AddressKeeper } from './address-keeper.js'
import { BannedAddresses } from './banned-addresses.js'
import type { ConnectionMessage } from './connection-messages.js'
import { ConnectionClient } from './connection-client.js'
import type { FetchRequest } from './denied-export.js'
import { ConnectionObserver } from './connection-observer.js'
import { OwnLookups } from './own-lookups.js'
import { HelperClient } from './helper-client.js'
import type {
  FetchResult,
  ObservationInit,
  ObservationState,
  RulesInForce
} from './observation-messages.js'

/** The gateway may get addresses while it runs. */
const OWN_INTERVAL: Milliseconds = 10_000

/** What the observation thread does, apart from being a thread. */
export class ObservationService {
  private readonly answered: AnsweredAddresses
  private readonly observer: ConnectionObserver
  private readonly findings: FindingLog | undefined
  /** Undefined: the settings have no helper for connections. */
  private readonly client: ConnectionClient | undefined
  readonly keeper: AddressKeeper
  private readonly lookups: OwnLookups
  private hasDenied = false
  private banned: BannedAddresses
  private reading = false
  private counted = false
  private error: string | null = null
  private hasLogged = false
  private ownAt: Milliseconds = -Infinity
  private hasPlan = false
  /** Every name has been looked up once. */
  private isComplete = false

  constructor(
    { config, folder, privacy, denied, rules }: ObservationInit,
    private readonly clock: Clock,
    private readonly log: ServiceLog,
    release: (worker: number, ids: readonly number[]) => void
  ) {
    const { connections, firewall, learnFor, exportKey } = config.egress
    this.answered = new AnsweredAddresses(clock.wall() / MS_PER_SECOND)
    this.findings = folder === undefined ? undefined : new FindingLog(folder, log)
    const { keys, ...options } = privacy
    const ring = new KeyRing(keys, clock, ({ code, message }) => log.error({ code }, message))
    const text = new ClientText(options, ring)
    this.observer = new ConnectionObserver({
      ...{ clock, answered: this.answered },
      target: ({ client, destination }, now) =>
        this.keeper.targetOf(client, destination) ?? this.banned.find(client, destination, now),
      clientText: (client, network, wall) => text.of(client, network, wall),
      write: line => this.findings?.push(line)
    })
    this.client =
      connections === undefined
        ? undefined
        : new ConnectionClient(connections, {
            message: message => this.take(message),
            down: error => this.onState(false, this.counted, error)
          })
    this.keeper = new AddressKeeper({
      ...{ clock, log, learnFor, release, memory: denied },
      onEpoch: () => this.lookups.repeat(),
      openHelper:
        firewall === undefined ? undefined : listener => new HelperClient(firewall, listener),
      file: canDeny(config.egress) ? join(config.state.folder, 'egress-addresses.json') : undefined,
      serialFile:
        exportKey === undefined ? undefined : join(config.state.folder, 'egress-serial.json')
    })
    this.lookups = new OwnLookups(config, found => this.keeper.add(found))
    this.banned = new BannedAddresses(rules.snapshot)
    this.setRules(rules)
  }

  get state(): ObservationState {
    const { reading, error, counted } = this
    const known = this.answered.isKnownAt(this.clock.wall() / MS_PER_SECOND)
    const deny = this.hasDenied ? this.keeper.state(this.lookups.counts) : null
    return { reading, error, counted, known, ...this.observer.counts, deny }
  }

  start(): void {
    this.findings?.open(this.clock.wall())
    this.client?.start()
  }

  setRules({ snapshot, packedRules }: RulesInForce): void {
    const { keeper, lookups } = this
    this.banned = new BannedAddresses(snapshot)
    this.observer.setRules(snapshot.clients)
    this.hasDenied = snapshot.clients.egress.includes(EGRESS.deny)
    if (packedRules === undefined) return
    keeper.setRules(unpackRules(packedRules, true).rules, snapshot)
    lookups.setRules(snapshot, keeper)
    this.hasPlan = true
  }

  onSighted(seen: readonly SeenAddress[], blocked: readonly string[]): void {
    this.keeper.sighted(seen)
    if (blocked.length > 0) this.lookups.addNames(this.keeper.worthLookup(blocked))
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

  /** Denied addresses for other firewalls: never fewer because they are not known yet. */
  fetch(request: FetchRequest): FetchResult {
    const { waiting, names } = this.lookups.counts
    if (!this.hasPlan) return { notReady: 'no rules are in force' }
    this.isComplete ||= waiting === 0
    if (!this.isComplete)
      return { notReady: `${waiting} of ${names} names have not been looked up since the start` }
    if (this.lookups.isRepeating) return { notReady: 'the rules have just changed' }
    if (!this.keeper.hasLearned)
      return { notReady: 'egress.learn-for has not passed since the start' }
    try {
      return { denied: this.keeper.fetch(request) }
    } catch (error) {
      return { notReady: `the serial cannot be stored: ${reasonOf(error)}` }
    }
  }

  /** Judges connections, and writes findings. Call it several times a second. */
  tick(): void {
    if (this.clock.now() - this.ownAt >= OWN_INTERVAL) this.readOwn()
    this.observer.tick()
    this.lookups.tick(this.clock.now() / MS_PER_SECOND)
    this.keeper.tick()
    this.findings?.flush(this.clock.wall())
  }

  close(): void {
    this.client?.close()
    this.keeper.close()
    this.lookups.close()
    this.observer.close()
    this.findings?.close(this.clock.wall())
  }

  private readOwn(): void {
    this.ownAt = this.clock.now()
    const all = Object.values(networkInterfaces()).flatMap(one => one ?? [])
    const texts = all.map(({ address }) => address.replace(/%.*$/, ''))
    const own = texts.map(text => showAddress(readAddress(text)))
    this.observer.setOwn(own)
    this.keeper.setOwn(own)
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
    this.findings?.setObserved(reading, this.clock.wall())
    if (wasLogged) return
    if (reading) return this.log.info({ counted }, 'connections of clients are observed')
    const { code, message } = failure('EGRESS_UNOBSERVED', error)
    this.log.warn({ code }, message)
  }
}
