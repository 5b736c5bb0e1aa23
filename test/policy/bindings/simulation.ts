import type { Milliseconds } from '../../../src/base/units.js'
import { seeded } from '../../../src/base/values/seeded.js'
import { encodeHistoryLine } from '../../../src/lookups/bindings/history-line.js'
import { HistoryReader } from '../../../src/lookups/bindings/who.js'
import { BindingStore, type BindingListener } from '../../../src/policy/bindings/binding-store.js'
import type { Binding } from '../../../src/policy/bindings/binding.js'

/** By how much the clock of the DHCP server is wrong, at most. */
export const SKEW: Milliseconds = 5000
/** How long the feed takes to report a change, at most. */
const DELAY: Milliseconds = 1000
const SOURCE = 'kea'
const LEASE: Milliseconds = 600_000

/** A device has the address. Times are those of the gateway's clock. */
interface Tenancy {
  readonly mac: string
  readonly from: Milliseconds
  /** When the device leaves, by releasing its lease or by its expiry. */
  readonly to: Milliseconds
  readonly releases: boolean
}

interface Event {
  readonly time: Milliseconds
  readonly act: (now: Milliseconds) => void
}

export interface Attributions {
  right: number
  /** Another device had the address, or the feed was down. */
  wrong: number
  unknown: number
}

export interface Simulated {
  readonly moves: number
  /** As the data plane sees them. */
  readonly live: Attributions
  /** As `interdict who` finds them later. */
  readonly later: Attributions
}

/**
 * Simulates devices that take, renew, release and lose addresses of a DHCP server whose clock is wrong, with a feed that is slow and
 * sometimes down, and asks at random times, half of them around moves, which device has the address.
 */
export function simulate(
  seed: number,
  addresses: number,
  moves: number,
  lookups: number
): Simulated {
  const random = seeded(seed)
  const clockError = (time: Milliseconds): Milliseconds => SKEW * Math.sin(time / 4_000_000)
  const lines = new Map<string, string[]>()
  const record = (address: string | undefined, line: string): void => {
    if (address === undefined) for (const of of lines.values()) of.push(line)
    else lines.get(address)!.push(line)
  }
  const listener: BindingListener = {
    begin: (binding, time) =>
      record(binding.address, encodeHistoryLine({ kind: 'begin', time, binding })),
    end: ({ address, source }, at, time) =>
      record(address, encodeHistoryLine({ kind: 'end', time, address, source, at })),
    feed: (source, isUp, time) =>
      record(undefined, encodeHistoryLine({ kind: isUp ? 'up' : 'down', time, source }))
  }
  const store = new BindingStore({ skew: SKEW, limit: addresses, listener })
  const each = Math.ceil(moves / addresses)
  const plans = new Map<string, Tenancy[]>()
  for (let i = 0; i < addresses; i++) plans.set(`10.0.${i >> 8}.${i & 255}`, planOf(each, random))
  for (const address of plans.keys()) lines.set(address, [])
  record(undefined, encodeHistoryLine({ kind: 'start', time: 0 }))
  const end = Math.max(...[...plans.values()].map(plan => plan.at(-1)!.to)) + LEASE
  const downs = Array.from({ length: 10 }, (_, i) => {
    const from = (end * (i + random())) / 10
    return { from, to: from + random() * 300_000 }
  })
  const isDown = (time: Milliseconds): boolean =>
    downs.some(({ from, to }) => from <= time && time < to)

  const bindingAt = (address: string, tenancy: Tenancy, renewed: Milliseconds): Binding => {
    const error = clockError(renewed)
    const from = tenancy.from + clockError(tenancy.from)
    const until = tenancy.releases ? renewed + error + LEASE : tenancy.to + error
    return { address, source: SOURCE, mac: tenancy.mac, from, until }
  }
  const inServer = new Map<string, Binding>()
  const events: Event[] = []
  const report = (time: Milliseconds, act: (now: Milliseconds) => void): void => {
    // In their order, as a feed that is polled.
    const seen = (Math.floor(time / DELAY) + 1) * DELAY
    events.push({ time: seen, act: now => (isDown(now) ? undefined : act(now)) })
  }
  for (const [address, plan] of plans) {
    for (const tenancy of plan) {
      const step = tenancy.releases ? LEASE / 2 : Infinity
      for (let at = tenancy.from; at < tenancy.to; at += step) {
        const binding = bindingAt(address, tenancy, at)
        events.push({ time: at, act: () => inServer.set(address, binding) })
        report(at, now => store.begin(binding, now))
      }
      events.push({ time: tenancy.to, act: () => inServer.delete(address) })
      const recorded = tenancy.to + clockError(tenancy.to)
      if (tenancy.releases)
        report(tenancy.to, now => store.end(SOURCE, address, recorded, now, { mac: tenancy.mac }))
    }
  }
  const load = (now: Milliseconds): void => {
    store.replace(SOURCE, [...inServer.values()], now)
    store.setUp(SOURCE, true, now)
  }
  events.push({ time: 1, act: load })
  for (const { from, to } of downs) {
    events.push({ time: from, act: now => store.setUp(SOURCE, false, now) })
    events.push({ time: to, act: now => (isDown(now) ? undefined : load(now)) })
  }
  for (let time = 0; time < end; time += 1000) events.push({ time, act: now => store.expire(now) })
  const live: Attributions = { right: 0, wrong: 0, unknown: 0 }
  const later: Attributions = { right: 0, wrong: 0, unknown: 0 }
  const asked = new Map<string, { readonly at: Milliseconds; readonly mac: string }[]>()
  const names = [...plans.keys()]
  for (let i = 0; i < lookups; i++) {
    const address = names[Math.floor(random() * names.length)]!
    const plan = plans.get(address)!
    const { from, to, mac } = plan[Math.floor(random() * plan.length)]!
    const length = to - from
    const near = Math.min(random() * 3 * SKEW, length - 1)
    const at = i % 2 === 0 ? from + random() * length : i % 4 === 1 ? from + near : to - 1 - near
    const asks = asked.get(address) ?? []
    asks.push({ at, mac })
    asked.set(address, asks)
    events.push({
      time: at,
      act: now => {
        const found = store.certainDevice(address, now)
        const isCertain = found !== undefined && found.from <= now && now < found.until
        count(live, isCertain ? found.device.mac : undefined, mac, isDown(now))
      }
    })
  }
  for (const { time, act } of events.toSorted((one, other) => one.time - other.time)) act(time)
  record(undefined, encodeHistoryLine({ kind: 'stop', time: end }))
  for (const [address, asks] of asked) {
    const reader = new HistoryReader(address)
    for (const line of lines.get(address)!) reader.add(line)
    for (const { at, mac } of asks) {
      const found = reader.attributionAt(at, SKEW)
      const device = found.status === 'known' ? found.device.mac : undefined
      count(later, device, mac, isDown(at))
    }
  }
  return { moves: each * addresses, live, later }
}

function count(into: Attributions, found: string | undefined, mac: string, isDown: boolean): void {
  if (found === undefined) into.unknown++
  else if (found === mac && !isDown) into.right++
  else into.wrong++
}

/** Tenants one after the other. The server gives a released address away only after the feed has reported that. */
function planOf(count: number, random: () => number): Tenancy[] {
  const plan: Tenancy[] = []
  let time = random() * 60_000 + 10
  for (let i = 0; i < count; i++) {
    const releases = random() < 0.5
    const length = releases ? 1000 + random() * 2 * LEASE : LEASE
    const mac = `02:00:00:00:00:0${Math.floor(random() * 8)}`
    if (mac === plan.at(-1)?.mac) {
      i--
      continue
    }
    plan.push({ mac, from: time, to: time + length, releases })
    time += length + (random() < 0.5 ? DELAY : random() * 60_000 + DELAY)
  }
  return plan
}
