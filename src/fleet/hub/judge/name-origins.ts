import { randomInt } from 'node:crypto'
import { systemClock, type Clock } from '../../../base/time/clock.js'
import type { Seconds } from '../../../base/units.js'
import type { ServiceLog } from '../../../base/log/service-log.js'
import { reasonOf } from '../../../base/errors/reason.js'
import { compile } from '../../../policy/compile/compile.js'
import { matchedRule } from '../../../policy/evaluate/matched-rule.js'
import { Policy } from '../../../policy/evaluate/policy.js'
import { registrableDomain } from '../../../policy/rules/apps/public-suffix.js'
import { loadRules } from '../../../policy/rules/load.js'
import { absentLists, rulesWithoutLists } from '../../../policy/rules/tests/absent-lists.js'
import { Decision } from '../../../policy/tables/decision.js'
import { BundleFiles } from '../../../sources/bundle/bundle-files.js'
import { decodeBundle } from '../../../sources/bundle/bundle.js'
import { HashedName } from '../../../wire/dns/name/hashed-name.js'
import { readName } from '../../../wire/dns/name/name.js'
import { RRTYPE } from '../../../wire/dns/registry/rrtype.js'
import type { BlockedName, JudgedName, NameOrigin } from './blocked-names.js'

/** Bundles whose names are remembered. */
const MAX_BUNDLES = 20

type Rules = Extract<Awaited<ReturnType<typeof loadRules>>, { readonly ok: true }>

interface Compiled {
  readonly serial: number
  readonly loaded: Rules
  readonly policy: Policy
}

/** Which of the names that gateways block a bundle lists. It is compiled for that, only if there are such names. */
export class NameOrigins {
  /** By serial, network and name. */
  private readonly known = new Map<number, Map<string, NameOrigin>>()
  private compiled: Compiled | undefined

  /** @param load content of a bundle file */
  constructor(
    private readonly load: (serial: number) => Promise<Uint8Array>,
    private readonly clock: Clock,
    private readonly log: ServiceLog
  ) {}

  /** Call it before `judged`: it looks up names that are not known yet. */
  async prepare(serial: number, names: readonly BlockedName[]): Promise<void> {
    const known = this.originsOf(serial)
    const unknown = names.filter(one => !known.has(keyOf(one)))
    if (unknown.length === 0) return
    try {
      const compiled = await this.compile(serial)
      const now = this.clock.wall() / 1000
      for (const one of unknown) known.set(keyOf(one), originOf(one, compiled, now))
    } catch (error) {
      this.log.warn(
        { serial, error: reasonOf(error, '') },
        'bundle not compiled: its names count as unlisted'
      )
      for (const one of unknown)
        known.set(keyOf(one), one.mustResolve ? 'must-resolve' : 'unlisted')
    }
  }

  judged(serial: number, names: readonly BlockedName[]): readonly JudgedName[] {
    const known = this.originsOf(serial)
    return names.flatMap(one => {
      const origin = known.get(keyOf(one))
      return origin === undefined ? [] : [{ ...one, origin }]
    })
  }

  /** Frees the compiled bundle: no ring is watched. */
  clear(): void {
    this.compiled = undefined
  }

  private originsOf(serial: number): Map<string, NameOrigin> {
    const found = this.known.get(serial)
    if (found !== undefined) return found
    const created = new Map<string, NameOrigin>()
    this.known.set(serial, created)
    if (this.known.size > MAX_BUNDLES) this.known.delete(this.known.keys().next().value!)
    return created
  }

  private async compile(serial: number): Promise<Compiled> {
    if (this.compiled?.serial === serial) return this.compiled
    const bundle = await decodeBundle(await this.load(serial), 'the bundle')
    const loaded = await loadRules(new BundleFiles(bundle, { path: '', prefix: '' }), systemClock)
    if (!loaded.ok) throw loaded.errors[0]!
    const snapshot = compile(loaded.rules, { generation: 1, random: () => randomInt(2 ** 32) })
    return (this.compiled = { serial, loaded, policy: new Policy(snapshot) })
  }
}

const keyOf = ({ network, name, rule }: BlockedName): string => `${network}\n${name}\n${rule}`

function originOf(one: BlockedName, compiled: Compiled, now: Seconds): NameOrigin {
  if (one.mustResolve) return 'must-resolve'
  if (isListed(one, compiled.policy, now)) return 'listed'
  return isOfDownload(one, compiled.loaded) ? 'downloaded' : 'unlisted'
}

/** True if the rules block the name itself, by an entry that is not above its registrable domain. */
function isListed({ name, network }: BlockedName, policy: Policy, now: Seconds): boolean {
  const { snapshot, claims, seed } = policy
  const { networks, networkOf } = snapshot.clients
  const hashed = new HashedName()
  hashed.set(readName(name), 0, seed)
  const decision = new Decision()
  return [RRTYPE.A, RRTYPE.AAAA].some(qtype =>
    networkOf.some((index, clientClass) => {
      if (networks[index] !== network) return false
      decision.clear()
      policy.evaluateName(hashed, qtype, clientClass, now, decision)
      if (claims.at(decision.claim)?.reply === undefined) return false
      const pattern = matchedRule(snapshot, decision.claim, decision.entry)?.pattern ?? ''
      return registrableDomain(pattern.replace(/^(=|\*\.)/, '')) !== undefined
    })
  )
}

/** True if the rule uses a list that gateways download: the hub has no copies of such lists. */
function isOfDownload({ network, rule }: BlockedName, loaded: Rules): boolean {
  const without = rulesWithoutLists(loaded.rules, absentLists(loaded)).get(network) ?? []
  return without.some(one => one.rule.id === rule)
}
