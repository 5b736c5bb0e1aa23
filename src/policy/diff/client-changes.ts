import { isDeepStrictEqual } from 'node:util'
import type { ClientAuthority, ClientRule } from '../rules/model/client-types.js'
import type { RuleSet } from '../rules/model/types.js'
import type { BeforeAfter } from './name-groups.js'

/** What of a client, or of an authority of clients, is another one than before. */
export interface ClientChange {
  readonly what: 'client' | 'authority'
  readonly id: string
  readonly kind: 'added' | 'removed' | 'changed'
  /** Network of a client; undefined: it is not in the rules, or an authority. */
  readonly networks: BeforeAfter<string | undefined>
  /** Keys of the rules that are different; empty unless `changed`. */
  readonly keys: readonly string[]
}

const CLIENT_KEYS = {
  network: 'network',
  certificates: 'certificate',
  labels: 'sni',
  tokens: 'token',
  isRevoked: 'revoked'
} as const satisfies Partial<Record<keyof ClientRule, string>>

const AUTHORITY_KEYS = {
  certificates: 'certificate',
  revoked: 'crl',
  networks: 'networks'
} as const satisfies Partial<Record<keyof ClientAuthority, string>>

/** How the clients that are recognized differ between two rule sets, in the order of the rules. */
export function clientChanges({ before, after }: BeforeAfter<RuleSet>): ClientChange[] {
  return [
    ...differ('authority', before.clients?.authorities, after.clients?.authorities, AUTHORITY_KEYS),
    ...differ('client', before.clients?.clients, after.clients?.clients, CLIENT_KEYS)
  ]
}

interface Named {
  readonly id: string
  readonly network?: string
}

function differ<T extends Named>(
  what: ClientChange['what'],
  old: readonly T[] = [],
  now: readonly T[] = [],
  names: Readonly<Record<string, string>>
): ClientChange[] {
  const before = new Map(old.map(one => [one.id, one]))
  const after = new Map(now.map(one => [one.id, one]))
  const ids = new Set([...before.keys(), ...after.keys()])
  return [...ids].flatMap((id): ClientChange[] => {
    const [was, is] = [before.get(id), after.get(id)]
    const networks = { before: was?.network, after: is?.network }
    if (was === undefined) return [{ what, id, kind: 'added', networks, keys: [] }]
    if (is === undefined) return [{ what, id, kind: 'removed', networks, keys: [] }]
    const keys = Object.entries(names)
      .filter(([key]) => !isDeepStrictEqual(was[key as keyof T], is[key as keyof T]))
      .map(([, name]) => name)
    return keys.length === 0 ? [] : [{ what, id, kind: 'changed', networks, keys }]
  })
}
