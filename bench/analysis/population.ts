import { readAddress } from '../../src/base/values/address.js'
import { scramble, seeded } from '../kit/random.js'
import { APPS } from './rules.js'

/** Draws from one of these are as good as draws by weight, and cost nothing. A power of two. */
const POOL = 1 << 17

/** Share of a day's lookups in each hour (UTC): of offices and schools, and of phones. */
const OFFICE = [1, 1, 1, 1, 1, 2, 8, 30, 60, 70, 66, 50, 58, 66, 60, 52, 30, 12, 6, 4, 3, 2, 2, 1]
const PHONES = [
  4, 2, 1, 1, 1, 4, 20, 40, 42, 40, 42, 56, 50, 44, 46, 52, 60, 62, 58, 60, 54, 40, 22, 10
]

interface Kind {
  readonly prefix: string
  readonly clients: number
  /** Share of all lookups of a workday. */
  readonly share: number
  readonly hours: readonly number[]
  /** What is left of it on Saturday and Sunday. */
  readonly weekend: number
  /** The apps that something speaks of there. */
  readonly apps: readonly string[]
}

const SCHOOL_APPS = ['tiktok', 'snapchat', 'instagram', 'temu']
const KINDS: readonly Kind[] = [
  { prefix: '10.20', clients: 9000, share: 0.4, hours: PHONES, weekend: 0.6, apps: APPS },
  { prefix: '10.21', clients: 5000, share: 0.25, hours: OFFICE, weekend: 0.05, apps: APPS },
  { prefix: '10.40', clients: 1500, share: 0.1, hours: OFFICE, weekend: 0.1, apps: APPS },
  { prefix: '10.30', clients: 4000, share: 0.2, hours: OFFICE, weekend: 0.02, apps: SCHOOL_APPS },
  { prefix: '10.50', clients: 500, share: 0.05, hours: PHONES, weekend: 1.4, apps: ['tiktok'] }
]

/** Who asks in one network, and for what. */
export interface Crowd {
  /** Addresses, four words each, to be drawn from at random. */
  readonly clients: Uint32Array
  /** Positions in all names, to be drawn from at random. */
  readonly wanted: Uint32Array
  /** Its share of what is asked for in this hour. */
  share(hour: number, isWeekend: boolean): number
}

/** First labels of apps' hosts, as their own clients ask for them. */
const HOSTS = ['www', 'api', 'log', 'mon', 'v16', 'cdn', 'p16', 'm', 'im', 'static', 'edge', 'gw']
/** Names of one app, below the patterns of its file. */
const HOSTS_OF_APP = 300

/**
 * Five networks with 20,000 clients. A few clients ask most, a few names of each app are asked for
 * most, and a few apps: rank r by weight 1/r (Zipf), that of clients flattened.
 *
 * @param patterns of each app
 */
export function settle(patterns: ReadonlyMap<string, readonly string[]>): {
  crowds: Crowd[]
  names: string[]
} {
  const names: string[] = []
  const first = new Map<string, number>()
  for (const app of APPS) {
    first.set(app, names.length)
    names.push(...hostsOf(patterns.get(app) ?? []))
  }
  return { names, crowds: KINDS.map((kind, i) => crowdOf(kind, first, i)) }
}

/** Below the names of its patterns; one that stands for itself only is asked for as it is. */
function hostsOf(patterns: readonly string[]): string[] {
  return Array.from({ length: HOSTS_OF_APP }, (_, i) => {
    const pattern = patterns[i % patterns.length]!
    if (pattern.startsWith('=')) return pattern.slice(1)
    const host = HOSTS[scramble(i) % HOSTS.length]!
    const number = i < HOSTS.length ? '' : `-${scramble(i) % 1000}`
    return `${host}${number}.${pattern.replace(/^\*\./, '')}`
  })
}

function crowdOf(kind: Kind, first: ReadonlyMap<string, number>, seed: number): Crowd {
  const random = seeded(seed + 1)
  const ranks = (count: number, flat: number): Uint32Array => drawn(random, count, flat)
  const apps = ranks(kind.apps.length, 0)
  const hosts = ranks(HOSTS_OF_APP, 0)
  const wanted = apps.map((app, i) => first.get(kind.apps[app]!)! + hosts[i]!)
  const ranked = ranks(kind.clients, 50)
  const clients = new Uint32Array(4 * POOL)
  ranked.forEach((rank, i) => clients.set(addressOf(kind.prefix, rank), 4 * i))
  const [full, weekend] = [kind.hours.reduce((sum, weight) => sum + weight), kind.weekend]
  return {
    clients,
    wanted,
    share: (hour, isWeekend) =>
      ((kind.share * kind.hours[hour]!) / full) * (isWeekend ? weekend : 1)
  }
}

/** So many draws of ranks below `count`. */
function drawn(random: () => number, count: number, flat: number): Uint32Array {
  const sums = new Float64Array(count)
  let sum = 0
  for (let rank = 0; rank < count; rank++) sums[rank] = sum += 1 / (rank + 1 + flat)
  return Uint32Array.from({ length: POOL }, () => {
    const value = random() * sum
    let [low, high] = [0, count - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if (sums[middle]! > value) high = middle
      else low = middle + 1
    }
    return low
  })
}

function addressOf(prefix: string, rank: number): number[] {
  // Addresses of a network are given out in no order of who asks most. 7919 is prime to 65,536.
  const host = (rank * 7919) & 0xffff
  const octets = readAddress(`${prefix}.${host >> 8}.${host & 0xff}`)
  const view = new DataView(octets.buffer, octets.byteOffset)
  return [0, 4, 8, 12].map(at => view.getUint32(at))
}
