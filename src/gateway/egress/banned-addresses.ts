import type { Seconds } from '../../base/units.js'
import { addressWords, readAddress } from '../../base/values/address.js'
import type { EgressTarget } from '../../policy/egress/connection-judge.js'
import { isBanned } from '../../policy/evaluate/client-pair.js'
import { Policy } from '../../policy/evaluate/policy.js'
import { Decision } from '../../policy/tables/decision.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import { RRTYPE } from '../../wire/dns/registry/rrtype.js'

/** Finds the addresses that the rules ban by themselves: those of apps and of networks, with what is excepted and when. */
export class BannedAddresses {
  private readonly policy: Policy
  private readonly decision = new Decision()

  constructor(snapshot: Snapshot) {
    this.policy = new Policy(snapshot)
  }

  /** Undefined: no enforced ban of the client's network has the address. */
  find(client: string, address: string, now: Seconds): EgressTarget | undefined {
    const { policy, decision } = this
    const clientClass = policy.classOf(addressWords(readAddress(client)), 0)
    const type = address.includes(':') ? RRTYPE.AAAA : RRTYPE.A
    // Which rules are in force depends on the time.
    policy.epochAt(now)
    decision.clear()
    policy.evaluateAddress(addressWords(readAddress(address)), 0, type, clientClass, now, decision)
    if (!isBanned(policy, decision)) return undefined
    const { source } = policy.claims.at(decision.claim)!
    return { apps: source.kind === 'app' ? [source.id] : [], names: [], ports: 'all' }
  }
}
