import { RRTYPE } from '../../src/wire/dns/registry/rrtype.js'
import { Decision } from '../../src/policy/tables/decision.js'
import type { Case } from './measure.js'
import { INPUTS, queryAt, type Messages, type Stage } from './stage.js'

const MASK = INPUTS - 1

export function policyCases({ policy, clients, listed, unlisted }: Stage): Case[] {
  const now = Math.floor(Date.now() / 1000)
  const clientClass = policy.classOf(clients, 0)
  const judge = (name: string, messages: Messages): Case => {
    const names = Array.from({ length: INPUTS }, (_, i) => queryAt(messages, i, policy.seed).qname)
    const decision = new Decision()
    return {
      name,
      run(times) {
        let sum = 0
        for (let i = 0; i < times; i++) {
          decision.clear()
          policy.evaluateName(names[i & MASK]!, RRTYPE.A, clientClass, now, decision)
          sum += decision.claim
        }
        return sum
      }
    }
  }
  return [
    judge('policy: verdict on a listed name', listed),
    judge('policy: verdict on an unlisted name', unlisted)
  ]
}
