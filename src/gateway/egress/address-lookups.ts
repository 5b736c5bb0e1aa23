import { showAddress } from '../../base/values/address.js'
import type { Seconds } from '../../base/units.js'
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
}

/** Lookups at the same time, and those that may begin in one call of `tick`. */
const PARALLEL = 16
const MOST_STARTED = 50
/** A name is looked up again when its addresses expire, but within these times. */
const LEAST_INTERVAL: Seconds = 60
const MOST_INTERVAL: Seconds = 3600
const RETRY: Seconds = 300
const MAX_ALIASES = 16
/** Names that clients have looked up, besides the planned ones. */
const MOST_ADDED = 5_000

/** Looks up names again and again, a few at a time. The answers go to no client. */
export class AddressLookups {
  private entries = new Map<string, Entry>()
  private sets: readonly number[] = []
  private planned: readonly PlannedName[] = []
  private readonly added = new Map<string, PlannedName>()
  private busy = 0

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
    this.planned = names
    this.update()
  }

  /** Adds names that clients have looked up; the least recent make room. */
  addNames(names: readonly PlannedName[]): void {
    for (const planned of names) {
      this.added.delete(planned.text)
      this.added.set(planned.text, planned)
      if (this.added.size > MOST_ADDED) this.added.delete(this.added.keys().next().value!)
    }
    this.update()
  }

  private update(): void {
    const before = this.entries
    const names = new Map([...this.added.values(), ...this.planned].map(one => [one.text, one]))
    this.entries = new Map(
      [...names.values()].flatMap(planned =>
        this.sets.map(forwarders => {
          const key = `${forwarders} ${planned.text}`
          const fresh: Entry = { planned, forwarders, due: 0, state: 'waiting' }
          return [key, Object.assign(before.get(key) ?? fresh, { planned })] as const
        })
      )
    )
  }

  /** Begins lookups that are due. Call it several times a second. */
  tick(now: Seconds): void {
    let started = 0
    for (const entry of this.entries.values()) {
      if (this.busy >= PARALLEL || started >= MOST_STARTED) return
      if (entry.due > now) continue
      started++
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
    for (const one of withAddresses) this.onFound({ planned, forwarders, ...one, ttl })
  }
}

/** Undefined: there was no answer. */
function read(
  name: Uint8Array,
  response: ChainResponse
): Omit<FoundAddresses, 'planned' | 'forwarders'> | undefined {
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
