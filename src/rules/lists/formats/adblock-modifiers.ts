import { readPrefix, type Prefix } from '../../../base/address.js'
import { InterdictError } from '../../../base/error.js'
import { readRrtype } from '../../../dns/registry/rrtype.js'
import type { QtypeSet } from '../../model/types.js'
import type { Unsupported } from '../line-reader.js'

/** What the modifiers of a rule say. */
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
  /** What it answers; '' where it takes back answers of others. */
  rewrite: string | undefined
}

/** A rule that has no meaning here, or is none. */
export type Rejection = { readonly unsupported: Unsupported } | { readonly why: string }

/** Prefixes by id of network: whom `$client` may name. */
export type NetworkPrefixes = ReadonlyMap<string, readonly Prefix[]>

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
 * Reads what stands behind the `$` of a rule. A modifier that is none of these makes the whole rule
 * one for browsers: it would block too much without it.
 *
 * @param clients prefixes by network: what `$client` may name
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
    const take = Object.hasOwn(MODIFIERS, name) ? MODIFIERS[name] : undefined
    if (take === undefined) return { unsupported: 'rules with browser modifiers' }
    const refusal = take(value, found, clients)
    if (refusal !== undefined) return refusal
  }
  return found
}

/** `A|AAAA`, or `~CNAME`: all but it. Of both, those that are not excluded count. */
function applyDnstype(value: string, to: Modifiers): Rejection | undefined {
  const words = value.split('|')
  const wanted = words.filter(word => !word.startsWith('~'))
  const except = wanted.length === 0
  const types = (except ? words.map(word => word.slice(1)) : wanted).map(readRrtype)
  if (types.includes(undefined)) return { why: `unknown record type in dnstype=${value}` }
  to.qtypes = { types: (types as number[]).sort((a, b) => a - b), except }
  return undefined
}

function applyClient(
  value: string,
  to: Modifiers,
  clients: NetworkPrefixes
): Rejection | undefined {
  const wanted: Prefix[] = []
  const unwanted: Prefix[] = []
  for (const word of splitAt(value, '|')) {
    const not = word.startsWith('~')
    const prefixes = prefixesOf(unquoted(not ? word.slice(1) : word), clients)
    if (prefixes === undefined) return { unsupported: 'rules for unknown clients' }
    const into = not ? unwanted : wanted
    into.push(...prefixes)
  }
  if (wanted.length > 0) to.clients = wanted
  to.notClients = unwanted
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

/** Cuts at a sign that is not escaped, and not between quotes. */
function splitAt(text: string, sign: string): string[] {
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
