import { registrableDomain } from '../../../policy/rules/apps/public-suffix.js'
import type { Known } from '../inventory.js'
import type { RingWatch } from './ring-watch.js'

/** Names that are blocked for at most so many clients of a ring are not listed, unless they must resolve. */
const FEW_CLIENTS = 5
/** Part of the lookups of a gateway, or a ring, that about its 100 most popular names have each. */
const POPULAR = 0.001
/** Lookups below which a name is not popular, however few others there are. */
const MIN_POPULAR = 10
/**
 * Standard errors by which it must be more than that part: rings are judged each minute, and of a hundred gateways one
 * has ten lookups of a rare name by chance.
 */
const SURELY = 2

/**
 * `must-resolve` the bundle lists it there
 * `listed`       the bundle bans it by its name, or by a domain above it that is not above its registrable domain
 * `downloaded`   a list blocks it that gateways download: the bundle does not have its names
 * `unlisted`     something else blocks it, such as an alias, an address, or a ban of a whole public suffix
 */
export type NameOrigin = 'must-resolve' | 'listed' | 'downloaded' | 'unlisted'

/** A name that gateways of a ring block with a bundle, and did not before. */
export interface BlockedName {
  readonly name: string
  readonly network: string
  /** Id of the rule. */
  readonly rule: string
  readonly mustResolve: boolean
  /** Of its registrable domain, in all gateways. */
  readonly clients: number
  readonly lookups: number
  /** Gateways that report it, the one with the most lookups first. */
  readonly gateways: readonly string[]
  /** Among the most popular names of a gateway, or of the ring. */
  readonly isPopular: boolean
}

export type JudgedName = BlockedName & { readonly origin: NameOrigin }

interface Sum {
  name: string
  rule: string
  readonly network: string
  readonly mustResolve: boolean
  clients: number
  lookups: number
  isPopular: boolean
  readonly gateways: Map<string, number>
}

/**
 * The names that gateways newly block with a bundle, most clients first. Names that later rings block as well are
 * not the bundle's doing.
 *
 * @param gateways of the ring, which report
 * @param control gateways of later rings
 */
export function blockedNames(
  gateways: readonly Known[],
  control: readonly Known[],
  serial: number,
  watch: Pick<RingWatch, 'observedOf'> | undefined
): readonly BlockedName[] {
  const elsewhere = new Set(
    control.flatMap(({ report }) =>
      (report?.names?.blocked ?? []).map(({ network, name }) => keyOf(network, name))
    )
  )
  const sums = new Map<string, Sum>()
  let all = 0
  for (const { name: gateway, report } of gateways) {
    if (report?.active !== serial || report.names?.serial !== serial) continue
    const own = watch?.observedOf(gateway)?.lookups ?? 0
    all += own
    for (const one of report.names.blocked) {
      const { name, network, mustResolve, lookups } = one
      const key = mustResolve ? `${network}\n=${name}` : keyOf(network, name)
      if (!mustResolve && elsewhere.has(key)) continue
      add(sums, key, gateway, { ...one, isPopular: isPopular(lookups, own) })
    }
  }
  return [...sums.values()]
    .filter(({ clients, mustResolve }) => mustResolve || clients > FEW_CLIENTS)
    .sort((a, b) => b.clients - a.clients)
    .map(one => {
      const byLookups = [...one.gateways].sort((a, b) => b[1] - a[1])
      const gateways = byLookups.map(([gateway]) => gateway)
      return { ...one, gateways, isPopular: one.isPopular || isPopular(one.lookups, all) }
    })
}

/** @param all lookups of the gateway or the ring */
function isPopular(lookups: number, all: number): boolean {
  const least = POPULAR * all
  return all > 0 && lookups >= Math.max(MIN_POPULAR, least + SURELY * Math.sqrt(least))
}

type Reported = Omit<BlockedName, 'gateways'>

function add(sums: Map<string, Sum>, key: string, gateway: string, one: Reported): void {
  const found = sums.get(key)
  if (found === undefined) {
    sums.set(key, { ...one, gateways: new Map([[gateway, one.lookups]]) })
    return
  }
  // The name, and the rule, of the gateway with the most lookups.
  if (one.lookups > Math.max(...found.gateways.values())) {
    found.name = one.name
    found.rule = one.rule
  }
  found.clients += one.clients
  found.lookups += one.lookups
  found.isPopular ||= one.isPopular
  found.gateways.set(gateway, one.lookups)
}

const keyOf = (network: string, name: string): string =>
  `${network}\n${registrableDomain(name) ?? name}`

/** Why a ring is to be halted; undefined: for none of these names. @param isRollback only names that must resolve count */
export function nameBeyond(names: readonly JudgedName[], isRollback: boolean): string | undefined {
  const demanded = names.find(({ origin }) => origin === 'must-resolve')
  if (demanded !== undefined) return `${textOf(demanded)}, though it must resolve`
  const unlisted = names.find(({ origin, isPopular }) => origin === 'unlisted' && isPopular)
  return unlisted === undefined || isRollback
    ? undefined
    : `${textOf(unlisted)}, though the bundle does not list it`
}

const textOf = ({ name, network, rule, clients, lookups, gateways }: JudgedName): string =>
  `${rule} blocks ${name} in network ${network} (clients: ${clients}, lookups: ${lookups}, most at ${gateways[0]})`
