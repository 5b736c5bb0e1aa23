import { containsPrefix, readAddress, readPrefix } from '../../base/values/address.js'
import type { Seconds } from '../../base/units.js'
import { containsPattern } from '../../policy/rules/mandates/pattern-relations.js'
import type { MandateOrder } from '../../policy/rules/mandates/mandate-orders.js'
import { readPattern } from '../../policy/rules/model/pattern.js'

/** A mandate that concerns a rule; its JSON form is public. */
export interface MandateView {
  readonly id: string
  readonly authority: string
  readonly reference: string
  /** File and line of the order. */
  readonly at: string
}

/** A mandate that orders a name to be banned for a client. */
export interface NameMandate extends MandateView {
  /** The name or app that it orders to be banned. */
  readonly orders: string
  /** Whether it allows exceptions. */
  readonly exceptions: boolean
  /** Whether a ban blocks this query, or an exception that it allows applies. */
  readonly met: boolean
}

/** A decision, as far as mandates are compared with it. */
interface Decided {
  readonly network: string | null
  readonly addressNetwork: string | null
  readonly client: string
  readonly verdict: string
  readonly rule: { readonly kind: string } | null
}

const viewOf = ({ mandate, authority, reference, file, line }: MandateOrder): MandateView => {
  return { id: mandate, authority, reference, at: `${file}:${line}` }
}

/** The mandates that concern a rule. @param rule its file and line */
export function mandatesOfRule(orders: readonly MandateOrder[], rule: string): MandateView[] {
  return orders.filter(({ rules }) => rules.includes(rule)).map(viewOf)
}

/** Adds the mandates that order the queried name to be banned for the client at that time. */
export function withMandates<D extends Decided>(
  explanation: D,
  name: Uint8Array,
  orders: readonly MandateOrder[],
  now: Seconds
): D & { readonly mandates: readonly NameMandate[] } {
  const mandates = orders.flatMap((order): NameMandate[] => {
    const { from, until, allowsExceptions: exceptions } = order
    if (now < from || until <= now || !isInScope(order, explanation)) return []
    const orders = orderedName(order, name)
    if (orders === undefined) return []
    return [{ ...viewOf(order), orders, exceptions, met: isMet(explanation, exceptions) }]
  })
  return { ...explanation, mandates }
}

/** Clients in no network are refused. */
function isInScope(
  { networks, prefixes }: MandateOrder,
  { network, addressNetwork, client }: Decided
): boolean {
  const own = [network, addressNetwork].filter(one => one !== null)
  if (own.length === 0) return false
  if (networks === 'all' || own.some(one => networks.includes(one))) return true
  const address = { address: readAddress(client), length: 128 }
  return prefixes.some(prefix => containsPrefix(readPrefix(prefix), address))
}

/** What of an order covers a name; undefined: nothing. */
function orderedName(
  { names, ofApps, except }: MandateOrder,
  octets: Uint8Array
): string | undefined {
  const name = { name: octets, cover: 'exact' } as const
  const covers = (text: string): boolean => {
    const pattern = readPattern(text)
    return pattern !== undefined && containsPattern(pattern, name)
  }
  return except.some(covers) ? undefined : [...names, ...ofApps].find(covers)
}

function isMet({ verdict, rule }: Decided, exceptions: boolean): boolean {
  if (verdict === 'blocked') return rule?.kind === 'ban'
  return verdict === 'allowed' && rule?.kind === 'exception' && exceptions
}
