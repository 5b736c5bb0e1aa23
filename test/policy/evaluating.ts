import { HashedName } from '../../src/wire/dns/name/hashed-name.js'
import { RRTYPE } from '../../src/wire/dns/registry/rrtype.js'
import { compile } from '../../src/policy/compile/compile.js'
import { Policy } from '../../src/policy/evaluate/policy.js'
import { Decision } from '../../src/policy/tables/decision.js'
import type { RuleSet } from '../../src/policy/rules/model/types.js'
import { words } from '../base/words.js'
import { seeds, wire } from './rule-set.js'

/** The rule that decides, and the one in monitor mode that would: ids, '' for none. */
export interface RuleIds {
  readonly decides: string
  readonly monitors: string
}

export function policyOf(rules: RuleSet, random = seeds(0x5eed5eed)): Policy {
  return new Policy(compile(rules, { generation: 1, random }))
}

export function hashed(name: string, seed: number): HashedName {
  const hashed = new HashedName()
  hashed.set(wire(name), 0, seed)
  return hashed
}

/** Evaluates a name for a client, from text to rule ids. */
export function evaluate(
  policy: Policy,
  name: string,
  client: string,
  now = 0,
  qtype: number = RRTYPE.A
): RuleIds {
  const decision = new Decision()
  const clientClass = policy.classOf(words(client), 0)
  policy.evaluateName(hashed(name, policy.seed), qtype, clientClass, now, decision)
  return ruleIds(policy, decision)
}

export function evaluateAddress(
  policy: Policy,
  address: string,
  client: string,
  now = 0,
  qtype: number = RRTYPE.A
): RuleIds {
  const decision = new Decision()
  const clientClass = policy.classOf(words(client), 0)
  policy.evaluateAddress(words(address), 0, qtype, clientClass, now, decision)
  return ruleIds(policy, decision)
}

export function ruleIds(policy: Policy, { claim, monitorClaim }: Decision): RuleIds {
  return {
    decides: policy.claims.at(claim)?.ruleId ?? '',
    monitors: policy.claims.at(monitorClaim)?.ruleId ?? ''
  }
}
