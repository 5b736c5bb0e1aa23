import type { Milliseconds, Octets } from '../../../base/units.js'
import type { ListEntry } from '../schema/networks-schema.js'
import type { FeedOptions } from './formats/feed.js'
import type { ListFormat } from '../model/list-format.js'

const REFRESH: Milliseconds = 86_400_000
/** Only what has changed is requested. */
const MISP_REFRESH: Milliseconds = 300_000
/** Percentage of entries that a list may lose at once by default. */
export const MAX_SHRINK = 20

/** A list that is downloaded, as configured. Plain data: it is sent to other threads. */
export interface RemoteList {
  readonly id: string
  readonly url: string
  /** Interval between checks for a new version. */
  readonly refresh: Milliseconds
  /** Expected digest of the file, hexadecimal; undefined: any. */
  readonly sha256: string | undefined
  /** The minisign key that must have signed it, and where the signature is. */
  readonly signer: { readonly key: string; readonly url: string } | undefined
  readonly maxSize: Octets
  /** Percentage of entries it may lose at once; a smaller copy is quarantined until confirmed. */
  readonly maxShrink: number
  /** Undefined: detected. */
  readonly format: ListFormat | undefined
  /** Whether it is MISP, of which attributes are requested. */
  readonly isMisp?: boolean
  /** What the rules say of indicators. */
  readonly feed?: Omit<FeedOptions, 'now'> | undefined
  readonly mayBeEmpty: boolean
  /** Whether a good copy existed when the rules were read. */
  readonly hasCopy: boolean
}

/** @returns undefined for a list that is not downloaded */
export function remoteList(id: string, entry: ListEntry, hasCopy: boolean): RemoteList | undefined {
  const { url, minisign, format } = entry
  if (url === undefined) return undefined
  return {
    id,
    url,
    ...(entry.isMisp && { isMisp: true }),
    refresh: entry.refresh ?? (entry.isMisp ? MISP_REFRESH : REFRESH),
    sha256: entry.sha256,
    signer:
      minisign === undefined
        ? undefined
        : { key: minisign, url: entry['signature-url'] ?? signatureUrl(url) },
    maxSize: entry['max-size'],
    maxShrink: entry['max-shrink'] ?? MAX_SHRINK,
    format: format === 'auto' ? undefined : format,
    feed: { minConfidence: entry['min-confidence'], validFor: entry['valid-for'] },
    mayBeEmpty: entry['may-be-empty'],
    hasCopy
  }
}

/** Default location of a minisign signature: beside the file. */
function signatureUrl(url: string): string {
  const { href, pathname } = new URL(url)
  return href.replace(pathname, `${pathname}.minisig`)
}
