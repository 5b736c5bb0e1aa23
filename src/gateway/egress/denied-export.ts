import { readFileSync } from 'node:fs'
import { sha256Of } from '../../base/bytes/sha256.js'
import { writeFileAtomic } from '../../base/files/atomic-file.js'
import type { Clock } from '../../base/time/clock.js'
import { MS_PER_SECOND, type Milliseconds, type Seconds } from '../../base/units.js'
import { containsPrefix, readPrefix } from '../../base/values/address.js'

/** Clients of a network to whom the same addresses are denied. */
export interface DeniedSet {
  readonly network: string
  /** Prefixes of the clients. */
  readonly clients: readonly string[]
  /** Addresses and prefixes, denied on all ports. */
  readonly all: readonly string[]
  /** Addresses and prefixes of resolvers, denied on the ports of DNS. */
  readonly dns: readonly string[]
}

/** What firewalls elsewhere are to deny. */
export interface DeniedExport {
  /** Grows with each change, also over restarts. */
  readonly serial: number
  readonly sets: readonly DeniedSet[]
}

/** What a firewall elsewhere asks for. Undefined: all networks with `egress: deny`. */
export interface FetchRequest {
  readonly network?: string | undefined
  /** An address. */
  readonly client?: string | undefined
}

/** What of all sets a firewall gets. */
export function setsFor(
  sets: readonly DeniedSet[],
  { network, client }: FetchRequest
): readonly DeniedSet[] {
  const address = client === undefined ? undefined : readPrefix(client)
  return sets.filter(
    set =>
      (network === undefined || set.network === network) &&
      (address === undefined || set.clients.some(one => containsPrefix(readPrefix(one), address)))
  )
}

/** How long firewalls elsewhere may not have fetched the addresses. */
const FETCH_INTERVAL: Milliseconds = 3_600_000

/** When firewalls elsewhere last fetched the addresses of each network. */
export class Fetches {
  private readonly last = new Map<string, number>()
  private readonly startedAt: Milliseconds

  constructor(private readonly clock: Clock) {
    this.startedAt = clock.now()
  }

  add(networks: Iterable<string>): void {
    for (const network of networks) this.last.set(network, this.clock.wall())
  }

  /** Of the network that was fetched longest ago, in Unix time. Undefined: one of them was never fetched. */
  oldest(networks: readonly string[]): Milliseconds | undefined {
    const all = networks.map(network => this.last.get(network) ?? -Infinity)
    const oldest = Math.min(...all)
    return Number.isFinite(oldest) ? oldest : undefined
  }

  /** Why it is not known that firewalls elsewhere have the addresses; null: they have fetched them. */
  problem(networks: readonly string[]): string | null {
    const { clock } = this
    const sinceStart = clock.now() - this.startedAt
    const late = networks.filter(network => {
      const last = this.last.get(network)
      return (last === undefined ? sinceStart : clock.wall() - last) >= FETCH_INTERVAL
    })
    return late.length === 0
      ? null
      : `no firewall has fetched the addresses for an hour: ${late.join(', ')}`
  }
}

/** The serial number of the export, in a file. */
export class ExportSerial {
  private known: { readonly serial: number; readonly sha256: string } | undefined

  constructor(
    private readonly file: string,
    private readonly clock: Clock
  ) {
    try {
      const { serial, sha256 } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>
      if (Number.isSafeInteger(serial) && typeof sha256 === 'string')
        this.known = { serial: serial as number, sha256 }
    } catch {
      // There is none yet, or it is broken: the time of day is above all that were used.
    }
  }

  /**
   * Unix time of the last change, or one more than before: so it grows even if the file is lost.
   *
   * @throws Error if it cannot be stored
   */
  of(sets: readonly DeniedSet[]): Seconds {
    const sha256 = sha256Of(Buffer.from(JSON.stringify(sets)))
    const { known } = this
    if (known?.sha256 === sha256) return known.serial
    const now = Math.floor(this.clock.wall() / MS_PER_SECOND)
    const next = { serial: Math.max(now, (known?.serial ?? 0) + 1), sha256 }
    writeFileAtomic(this.file, JSON.stringify(next), { mode: 0o600 })
    this.known = next
    return next.serial
  }
}
