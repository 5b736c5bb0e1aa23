import { readPrefix, type Prefix } from '../../../../base/values/address.js'
import { InterdictError } from '../../../../base/errors/error.js'
import { readRrtype } from '../../../../wire/dns/registry/rrtype.js'
import type { QtypeSet } from '../../model/types.js'
import type { Unsupported } from '../line-reader.js'

/** The modifiers of a rule. */
export interface Modifiers {
  important: boolean
  badfilter: boolean
  qtypes: QtypeSet | undefined
  /** Only for these clients. */
  clients: readonly Prefix[] | undefined
  /** Not for these. */
  notClients: readonly Prefix[]
  /** Not for these names. */
  denyallow: readonly string[]
  /** Value of `$dnsrewrite`; empty to cancel the answers of other rules. */
  rewrite: string | undefined
}

/** Why a rule is not applied: it is unsupported, or invalid. */
export type Rejection = { readonly unsupported: Unsupported } | { readonly why: string }

/** Prefixes by network id, which `$client` may name. */
export type NetworkPrefixes = Pick<ReadonlyMap<string, readonly Prefix[]>, 'get'>

type ApplyModifier = (
  value: string,
  to: Modifiers,
  clients: NetworkPrefixes
) => Rejection | undefined

const MODIFIERS: Readonly<Record<string, ApplyModifier>> = {
  important: (_, to) => {
    to.important = true
    return undefined
  },
  badfilter: (_, to) => {
    to.badfilter = true
    return undefined
  },
  dnstype: applyDnstype,
  client: applyClient,
  denyallow: (value, to) => {
    to.denyallow = value.split('|')
    return undefined
  },
  dnsrewrite: (value, to) => {
    to.rewrite = value
    return undefined
  },
  ctag: () => ({ unsupported: 'rules for tagged clients' })
}

/**
 * Reads the modifiers after the `$` of a rule. With any other modifier the rule is one for browsers
 * and is not applied: without the modifier it would block too much.
 *
 * @param clients prefixes by network id, which `$client` may name
 */
export function readModifiers(text: string, clients: NetworkPrefixes): Modifiers | Rejection {
  const found: Modifiers = {
    important: false,
    badfilter: false,
    qtypes: undefined,
    clients: undefined,
    notClients: [],
    denyallow: [],
    rewrite: undefined
  }
  if (text === '') return found
  for (const part of splitAt(text, ',')) {
    const [, name = '', value = ''] = /^([^=]*)=?(.*)$/s.exec(part)!
    const apply = Object.hasOwn(MODIFIERS, name) ? MODIFIERS[name] : undefined
    if (apply === undefined) return { unsupported: 'rules with browser modifiers' }
    const rejection = apply(value, found, clients)
    if (rejection !== undefined) return rejection
  }
  return found
}

/** `A|AAAA`, or `~CNAME` for all others. In a mixture, only the types without `~` count. */
function applyDnstype(value: string, to: Modifiers): Rejection | undefined {
  const parts = value.split('|')
  const included = parts.filter(part => !part.startsWith('~'))
  const except = included.length === 0
  const types = (except ? parts.map(part => part.slice(1)) : included).map(readRrtype)
  if (types.includes(undefined)) return { why: `unknown record type in dnstype=${value}` }
  to.qtypes = { types: (types as number[]).sort((a, b) => a - b), except }
  return undefined
}

function applyClient(
  value: string,
  to: Modifiers,
  clients: NetworkPrefixes
): Rejection | undefined {
  const included: Prefix[] = []
  const excluded: Prefix[] = []
  for (const word of splitAt(value, '|')) {
    const not = word.startsWith('~')
    const prefixes = prefixesOf(unquoted(not ? word.slice(1) : word), clients)
    if (prefixes === undefined) return { unsupported: 'rules for unknown clients' }
    const into = not ? excluded : included
    into.push(...prefixes)
  }
  if (included.length > 0) to.clients = included
  to.notClients = excluded
  return undefined
}

function prefixesOf(client: string, clients: NetworkPrefixes): readonly Prefix[] | undefined {
  const network = clients.get(client)
  if (network !== undefined) return network.length > 0 ? network : undefined
  try {
    return [readPrefix(client)]
  } catch (error) {
    if (error instanceof InterdictError) return undefined
    throw error
  }
}

/** Splits at a character that is neither escaped nor quoted. */
function splitAt(text: string, sign: string): string[] {
  if (!/['"\\]/.test(text)) return text.split(sign)
  const parts = ['']
  let quote = ''
  for (const [one] of text.matchAll(/\\?./gs)) {
    if (quote === '' && (one === "'" || one === '"')) quote = one
    else if (one === quote) quote = ''
    if (one === sign && quote === '') parts.push('')
    else parts.push(parts.pop()! + one)
  }
  return parts
}

function unquoted(text: string): string {
  const [, , inside] = /^(['"])(.*)\1$/s.exec(text) ?? []
  return (inside ?? text).replaceAll(/\\(.)/gs, '$1')
}
