import type { CertificateConfig, Config, ListenConfig } from '../config/config.js'
import { covers } from './covers.js'
import { usesDiscoveryName } from './designation.js'

/** An encrypted listener none of whose certificates covers a name that clients verify. */
export interface UncoveredListener {
  readonly listener: ListenConfig
  /** `*.dns.example`: of clients that are recognized by a label. */
  readonly name: string
}

/**
 * Finds listeners to which a strict client cannot connect by the name they are configured with: that of
 * `discovery`, a label before `name` of the listener, and `names` of a certificate. Without them, no name is known.
 * RFC 8310 §8.1.
 *
 * @param namesOf the names of a certificate; undefined: it cannot be read, which is reported elsewhere
 */
export function uncoveredListeners(
  { listen, discovery }: Pick<Config, 'listen' | 'discovery'>,
  namesOf: (files: CertificateConfig) => readonly string[] | undefined
): readonly UncoveredListener[] {
  return listen.flatMap(listener => {
    const all = (listener.certificates ?? []).map(namesOf)
    if (all.length === 0 || all.includes(undefined)) return []
    const names = all.flatMap(it => it ?? [])
    const label = listener.recognition?.name
    const isCovered = (name: string): boolean => all.some(it => covers(it!, name))
    const own = listener.certificates!.flatMap(({ serverNames = [] }, i) => {
      return serverNames.filter(name => !covers(all[i]!, name))
    })
    return [
      ...own,
      ...(discovery !== undefined && usesDiscoveryName(listener) && !isCovered(discovery.name)
        ? [discovery.name]
        : []),
      // A certificate may also list each label.
      ...(label === undefined || names.some(it => it.endsWith(`.${label}`)) ? [] : [`*.${label}`])
    ].map(name => ({ listener, name }))
  })
}
