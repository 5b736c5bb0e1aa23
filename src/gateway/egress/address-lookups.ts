import { showAddress } from '../../base/values/address.js'
import type { Seconds } from '../../base/units.js'
import { registrableDomain } from '../../policy/rules/apps/public-suffix.js'
import type { ChainResponse } from '../../resolver/validation/chain-source.js'
import { RRTYPE } from '../../wire/dns/registry/rrtype.js'
import type { SignedMessage } from '../../wire/dnssec/signed-message.js'
import type { PlannedName } from './deny-plan.js'

/** The addresses of a name. */
export interface FoundAddresses {
  readonly planned: PlannedName
  /** `ForwarderSet.id` of the upstreams that were queried. */
  readonly forwarders: number
  /** The last alias, in wire form; the name itself, if it has none. */
  readonly owner: Uint8Array
  /** Canonical text. */
  readonly addresses: readonly string[]
  /** What is left of it; below zero: it has expired. */
  readonly ttl: Seconds
}

export interface LookupCounts {
  /** Names that are looked up, for each set of upstreams. */
  names: number
  /** Of them, those whose last lookup failed. */
  failed: number
  /** Of them, those that have not been looked up yet. */
  waiting: number
}

interface Entry {
  planned: PlannedName
  readonly forwarders: number
  due: Seconds
  state: 'waiting' | 'good' | 'failed'
  /** Of the last lookup that succeeded, and when it was made. */
  found: readonly Answer[]
  foundAt: Seconds
}

type Answer = Omit<FoundAddresses, 'planned' | 'forwarders'>

/** Lookups at the same time, and those that may begin in one call of `tick`. */
const PARALLEL = 16
const MOST_STARTED = 50
/** Names whose addresses are reported again in one call of `tick`. */
const MOST_REPEATED = 5_000
/** A name is looked up again when its addresses expire, but within these times. */
const LEAST_INTERVAL: Seconds = 60
const MOST_INTERVAL: Seconds = 3600
const RETRY: Seconds = 300
const MAX_ALIASES = 16
/** Names that clients have looked up, besides the planned ones. */
const MOST_ADDED = 5_000
/**
 * Of one registrable domain, ever: a client could send data in the names it looks up, to whoever has the servers of a banned
 * domain.
 */
export const MOST_OF_DOMAIN = 100

/** Looks up names again and again, a few at a time. The answers go to no client. */
export class AddressLookups {
  private entries = new Map<string, Entry>()
  private sets: readonly number[] = []
  private planned: ReadonlyMap<string, PlannedName> = new Map()
  private readonly added = new Map<string, PlannedName>()
  /** How many names of a registrable domain have been added. */
  private readonly ofDomain = new Map<string, number>()
  private busy = 0
  /** What they found is reported again. */
  private readonly repeated = new Set<Entry>()

  /** @param query asks the upstreams of a set */
  constructor(
    private readonly query: (
      name: Uint8Array,
      type: number,
      forwarders: number
    ) => Promise<ChainResponse>,
    private readonly onFound: (found: FoundAddresses) => void
  ) {}

  get counts(): LookupCounts {
    const all = [...this.entries.values()]
    return {
      names: all.length,
      failed: all.filter(({ state }) => state === 'failed').length,
      waiting: all.filter(({ state }) => state === 'waiting').length
    }
  }

  /** Replaces the names; those that stay keep their time. @param sets of the upstreams that each name is looked up by */
  setNames(names: readonly PlannedName[], sets: readonly number[]): void {
    this.sets = sets
    this.planned = new Map(names.map(one => [one.text, one]))
    const before = this.entries
    const all = new Map([...this.added, ...this.planned])
    const next = [...all.values()].flatMap(planned =>
      sets.map(forwarders => {
        const key = keyOf(forwarders, planned.text)
        const known = before.get(key)
        if (known === undefined) return [key, toEntry(planned, forwarders)] as const
        return [key, Object.assign(known, { planned })] as const
      })
    )
    this.entries = new Map(next.toSorted(([, a], [, b]) => a.due - b.due))
    this.repeat()
  }

  /** Whether something of `repeat` is left. */
  get isRepeating(): boolean {
    return this.repeated.size > 0
  }

  /** The rules have changed, or a ban has begun or ended by itself: reports again what is known of each name, a few at a time. */
  repeat(): void {
    this.repeated.clear()
    for (const entry of this.entries.values()) if (entry.found.length > 0) this.repeated.add(entry)
  }

  /** Adds names that clients have looked up; the least recent make room. */
  addNames(names: readonly PlannedName[]): void {
    for (const planned of names) {
      const { text } = planned
      if (!this.added.delete(text) && !this.mayAdd(text)) continue
      this.added.set(text, planned)
      if (this.added.size > MOST_ADDED) this.drop(this.added.keys().next().value!)
      for (const forwarders of this.sets) {
        const key = keyOf(forwarders, text)
        if (!this.entries.has(key)) this.entries.set(key, toEntry(planned, forwarders))
      }
    }
  }

  private mayAdd(text: string): boolean {
    const domain = registrableDomain(text) ?? text
    const count = this.ofDomain.get(domain) ?? 0
    if (count >= MOST_OF_DOMAIN || (count === 0 && this.ofDomain.size >= MOST_ADDED)) return false
    this.ofDomain.set(domain, count + 1)
    return true
  }

  private drop(text: string): void {
    this.added.delete(text)
    if (this.planned.has(text)) return
    for (const forwarders of this.sets) this.entries.delete(keyOf(forwarders, text))
  }

  /** Begins lookups that are due, those first that have waited longest. Call it several times a second. */
  tick(now: Seconds): void {
    let left = MOST_REPEATED
    for (const entry of this.repeated) {
      if (left-- === 0) break
      this.repeated.delete(entry)
      this.report(entry, now)
    }
    let started = 0
    for (const [key, entry] of this.entries) {
      if (this.busy >= PARALLEL || started >= MOST_STARTED) return
      if (entry.due > now) continue
      started++
      // To the end: with more names than can be looked up in time, each has its turn.
      this.entries.delete(key)
      this.entries.set(key, entry)
      void this.lookUp(entry, now)
    }
  }

  private async lookUp(entry: Entry, now: Seconds): Promise<void> {
    const { planned, forwarders } = entry
    this.busy++
    // If it does not come back.
    entry.due = now + RETRY
    const [a, aaaa] = await Promise.all(
      [RRTYPE.A, RRTYPE.AAAA].map(type => this.query(planned.name, type, forwarders))
    )
    this.busy--
    const found = [a!, aaaa!].map(response => read(planned.name, response))
    const good = found.filter(one => one !== undefined)
    entry.state = good.length === 0 ? 'failed' : 'good'
    if (good.length === 0) return
    const withAddresses = good.filter(({ addresses }) => addresses.length > 0)
    const ttl = Math.min(MOST_INTERVAL, ...withAddresses.map(one => one.ttl))
    entry.due = now + Math.max(LEAST_INTERVAL, good.length < 2 ? Math.min(ttl, RETRY) : ttl)
    entry.found = withAddresses.map(one => ({ ...one, ttl }))
    entry.foundAt = now
    this.report(entry, now)
  }

  /** What the last lookup found, with what is left of its TTL. */
  private report({ planned, forwarders, found, foundAt }: Entry, now: Seconds): void {
    for (const { ttl, ...one } of found)
      this.onFound({ planned, forwarders, ...one, ttl: ttl - (now - foundAt) })
  }
}

const keyOf = (forwarders: number, text: string): string => `${forwarders} ${text}`

const toEntry = (planned: PlannedName, forwarders: number): Entry => ({
  ...{ planned, forwarders },
  ...{ due: 0, state: 'waiting', found: [], foundAt: 0 }
})

/** Undefined: there was no answer. */
function read(name: Uint8Array, response: ChainResponse): Answer | undefined {
  if (response.kind === 'failure') return undefined
  const { answer } = response.message
  let [owner, ttl] = [name, MOST_INTERVAL]
  for (let aliases = 0; aliases < MAX_ALIASES; aliases++) {
    const alias = find(answer, owner, RRTYPE.CNAME)
    if (alias === undefined) break
    owner = alias.rdata[0]!
    ttl = Math.min(ttl, alias.ttl)
  }
  const sets = [RRTYPE.A, RRTYPE.AAAA].flatMap(type => find(answer, owner, type) ?? [])
  const addresses = sets.flatMap(({ rdata }) => rdata.map(toAddress))
  return { owner, addresses, ttl: Math.min(ttl, ...sets.map(set => set.ttl)) }
}

const find = (answer: SignedMessage['answer'], owner: Uint8Array, wanted: number) =>
  answer.find(({ name, type }) => type === wanted && Buffer.compare(name, owner) === 0)

/** IPv4 as a mapped address. */
function toAddress(data: Uint8Array): string {
  if (data.length === 16) return showAddress(data)
  return showAddress(Uint8Array.of(...MAPPED, ...data))
}

const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]
