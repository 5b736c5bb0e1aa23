import type { Milliseconds, Octets } from '../../base/units.js'
import type { ListEntry } from '../schema/networks-schema.js'
import type { ListFormat } from './list-formats.js'

const REFRESH: Milliseconds = 86_400_000
const MAX_SHRINK = 20

/** A list that is fetched, as its entry says. Plain data: it is sent to other threads. */
export interface RemoteList {
  readonly id: string
  readonly url: string
  /** Between two looks whether it has changed. */
  readonly refresh: Milliseconds
  /** What the file has to have, in hexadecimal; undefined: whatever it has. */
  readonly sha256: string | undefined
  /** Who has to have signed it. */
  readonly signer: { readonly key: string; readonly url: string } | undefined
  readonly maxSize: Octets
  /** Percent of its entries that it may lose at once; of more, somebody has to say that it is right. */
  readonly maxShrink: number
  /** Undefined: recognised. */
  readonly format: ListFormat | undefined
  readonly mayBeEmpty: boolean
  /** Whether the last good copy was there when the rules were read. */
  readonly hasCopy: boolean
}

/** @returns undefined for a list that is a file or a folder */
export function remoteList(id: string, entry: ListEntry, hasCopy: boolean): RemoteList | undefined {
  const { url, minisign, format } = entry
  if (url === undefined) return undefined
  return {
    id,
    url,
    refresh: entry.refresh ?? REFRESH,
    sha256: entry.sha256,
    signer:
      minisign === undefined
        ? undefined
        : { key: minisign, url: entry['signature-url'] ?? signatureUrl(url) },
    maxSize: entry['max-size'],
    maxShrink: entry['max-shrink'] ?? MAX_SHRINK,
    format: format === 'auto' ? undefined : format,
    mayBeEmpty: entry['may-be-empty'],
    hasCopy
  }
}

/** Beside the file, as minisign names it. */
function signatureUrl(url: string): string {
  const { href, pathname } = new URL(url)
  return href.replace(pathname, `${pathname}.minisig`)
}
