/** A response policy zone at random, and what is asked about it. */

export interface Question {
  readonly name: string
  readonly type: 'A' | 'AAAA' | 'TXT' | 'MX'
  /** Who asks. */
  readonly from: string
}

export interface Policy {
  readonly owner: string
  readonly records: readonly string[]
}

/** Whose questions a policy for clients is about. */
export const CLIENT = '127.0.0.9'

/** What upstreams say of everything; below x, y, z, w and v it leads to what policies are about. */
export const UPSTREAM = `$TTL 300
@ SOA ns hostmaster 1 1h 15m 30d 5m
  NS ns
ns A 127.0.0.1
* A 198.51.100.1
* AAAA 2001:db8::1
* TXT "upstream"
*.x A 203.0.113.7
*.y A 203.0.113.9
*.z A 203.0.114.1
*.w CNAME a.b
*.v CNAME c.x
`

const LABELS = ['a', 'b', 'c'] as const
const TYPES = ['A', 'A', 'AAAA', 'TXT', 'MX'] as const
const DEPTHS = [1, 2, 2, 3, 3, 3] as const

const ACTIONS: readonly (readonly string[])[] = [
  ...[['CNAME .'], ['CNAME .'], ['CNAME *.'], ['CNAME rpz-passthru.'], ['CNAME rpz-tcp-only.']],
  ['A 192.0.2.1'],
  ['A 192.0.2.2', 'A 192.0.2.3', 'TXT "policy"'],
  ['AAAA 2001:db8::bad'],
  ['MX 10 mail.test.'],
  ['CNAME garden.test.'],
  ['CNAME *.garden.test.']
]

/** Numbers from 0 to 1, the same ones for one seed. */
export function dice(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

function pick<T>(from: readonly T[], roll: () => number): T {
  return from[Math.floor(roll() * from.length)]!
}

function someName(roll: () => number, tops: readonly string[]): string {
  const below = Array.from({ length: pick(DEPTHS, roll) - 1 }, () => pick(LABELS, roll))
  return [...below, pick(tops, roll), 'example'].join('.')
}

/** Policies for half of the names that there are, few of them silence. */
export function somePolicies(roll: () => number): Policy[] {
  const policies = new Map<string, Policy>()
  while (policies.size < 40) {
    const owner = `${pick(['', '', '*.'], roll)}${someName(roll, LABELS)}`
    const records = roll() < 0.03 ? ['CNAME rpz-drop.'] : pick(ACTIONS, roll)
    policies.set(owner, { owner, records })
  }
  return [
    ...policies.values(),
    { owner: '24.0.113.0.203.rpz-ip', records: ['CNAME *.'] },
    { owner: '24.0.114.0.203.rpz-ip', records: ['CNAME .'] },
    { owner: '32.9.113.0.203.rpz-ip', records: ['CNAME rpz-passthru.'] },
    { owner: '32.1.114.0.203.rpz-ip', records: ['CNAME rpz-tcp-only.'] },
    { owner: '32.9.0.0.127.rpz-client-ip', records: ['CNAME .'] }
  ]
}

export function writeZone(policies: readonly Policy[]): string {
  const lines = policies.flatMap(({ owner, records }) => records.map(it => `${owner} ${it}`))
  // The owner of the SOA is the apex, not $ORIGIN.
  const head = ['$ORIGIN test.', '$TTL 60', 'rpz SOA localhost. root.localhost. 1 1h 15m 30d 60']
  return `${[...head, '  NS localhost.', '$ORIGIN rpz.test.', ...lines].join('\n')}\n`
}

export function someQuestion(roll: () => number): Question {
  const name = someName(roll, [...LABELS, 'v', 'w', 'x', 'y', 'z'])
  return { name, type: pick(TYPES, roll), from: roll() < 0.05 ? CLIENT : '127.0.0.1' }
}

/**
 * Whether an empty non-terminal of the zone is between this name and a wildcard: it has no policy, but
 * there are some below it. RFC 4592 §2.2.2.
 */
export function isBehindEmptyName(policies: readonly Policy[], name: string): boolean {
  const owners = policies.map(({ owner }) => owner)
  const above = name.split('.').map((_, i, labels) => labels.slice(i).join('.'))
  const encloser = above.find(it => owners.some(owner => owner === it || owner.endsWith(`.${it}`)))
  if (encloser === undefined || owners.includes(encloser)) return false
  return above.some(it => it.length < encloser.length && owners.includes(`*.${it}`))
}
