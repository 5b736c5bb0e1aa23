import { COMMON_SET } from '../../policy/tables/forwarder-sets.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import type { ForwarderChainSource } from '../../resolver/validation/forwarder-chain-source.js'
import type { Seconds } from '../../base/units.js'
import type { Config } from '../config/config.js'
import { openChainSource } from '../upstreams/own-chain-source.js'
import type { AddressKeeper } from './address-keeper.js'
import type { PlannedName } from './deny-plan.js'
import { AddressLookups, type FoundAddresses, type LookupCounts } from './address-lookups.js'

/** Lookups of banned names to the upstreams of the settings and of the networks. */
export class OwnLookups {
  private readonly lookups: AddressLookups
  /** By `ForwarderSet.id`. */
  private sources = new Map<number, ForwarderChainSource>()
  private snapshot: Snapshot | undefined

  constructor(
    private readonly config: Config,
    onFound: (found: FoundAddresses) => void
  ) {
    this.lookups = new AddressLookups(
      (name, type, forwarders) => this.sourceOf(forwarders).open().query(name, type),
      onFound
    )
  }

  get counts(): LookupCounts {
    return this.lookups.counts
  }

  /** The rules in force: forwarders of networks may have changed. */
  setRules(snapshot: Snapshot, { names, sets }: Pick<AddressKeeper, 'names' | 'sets'>): void {
    this.snapshot = snapshot
    this.close()
    this.lookups.setNames(names, sets)
  }

  /** Clients have looked up these names, and they were blocked. */
  addNames(names: readonly PlannedName[]): void {
    this.lookups.addNames(names)
  }

  get isRepeating(): boolean {
    return this.lookups.isRepeating
  }

  /** See `AddressLookups.repeat`. */
  repeat(): void {
    this.lookups.repeat()
  }

  tick(now: Seconds): void {
    this.lookups.tick(now)
  }

  close(): void {
    for (const source of this.sources.values()) source.close()
    this.sources = new Map()
  }

  private sourceOf(forwarders: number): ForwarderChainSource {
    const known = this.sources.get(forwarders)
    if (known !== undefined) return known
    const set = this.snapshot?.forwarders.find(({ id }) => id === forwarders && id !== COMMON_SET)
    const source = openChainSource(this.config, set)
    this.sources.set(forwarders, source)
    return source
  }
}
