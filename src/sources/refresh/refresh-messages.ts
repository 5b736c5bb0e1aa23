import type { Prefix } from '../../base/values/address.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import type { RemoteList } from '../../policy/rules/lists/remote-list.js'
import type { HttpProxy } from '../../wire/http/http-proxy.js'
import type { ZoneJob } from '../axfr/update-zone.js'
import type { BootstrapServers } from '../http/bootstrap-resolver.js'

/** Lists to download, with what is needed to parse them. */
export interface RemoteListSet {
  readonly lists: readonly RemoteList[]
  /** Prefixes by network id. */
  readonly prefixesByNetwork: ReadonlyMap<string, readonly Prefix[]>
}

/** The start parameters of a fetcher thread, which reports on each list and exits. */
export interface FetcherInit extends RemoteListSet {
  readonly copiesFolder: string
  readonly bootstrap: BootstrapServers
  readonly caFile: string | undefined
  readonly proxy: HttpProxy | undefined
  readonly headerFiles: Readonly<Record<string, string>> | undefined
  readonly timeout: Milliseconds
}

/** The start parameters of a transfer thread, which reports its result and exits. */
export interface TransferInit {
  readonly job: ZoneJob
  readonly copiesFolder: string
  readonly maxSize: Octets
  readonly maxTime: Milliseconds
}
