import { readList } from '../../../policy/rules/lists/read-list.js'
import { patternFault } from '../draft/block-names.js'
import type { Migration, NetworkDraft } from '../draft/migration.js'
import { addressKey } from '../draft/drafted-records.js'
import { canonicalAddress } from '../draft/server-address.js'
import { isMapping, type YamlLeaf } from './yaml-leaves.js'

/** `@@||name^`: a name that no list blocks. */
const ALLOWED = /^@@\|\|?([^/^$*|]+)\^?$/

/** Custom rules: names that are allowed become rules, the others a list. */
export function carryUserRules(
  leaves: readonly YamlLeaf[],
  migration: Migration,
  network: NetworkDraft
): void {
  const kept: string[] = []
  for (const leaf of leaves) {
    const rule = String(leaf.value).trim()
    const [, allowed] = ALLOWED.exec(rule) ?? []
    if (rule === '' || /^[!#]/.test(rule))
      migration.unneeded(leaf, `user_rules: ${rule}`, 'a comment')
    else if (allowed !== undefined && patternFault(allowed) === undefined) {
      network.allow.push(allowed.toLowerCase())
      migration.carried(leaf, `user_rules: ${rule}`)
    } else {
      const why = ruleFault(rule)
      migration.settle(leaf, `user_rules: ${rule}`, why)
      if (why === undefined) kept.push(rule)
    }
  }
  if (kept.length === 0) return
  const list = migration.addListFile('custom-rules', `${kept.join('\n')}\n`, 'adblock')
  // Before the other lists, which have no say about names that it answers.
  network.block.unshift({ lists: [list] })
}

function ruleFault(rule: string): string | undefined {
  const octets = Buffer.from(`${rule}\n`)
  const file = { octets, file: 'rule', displayName: 'rule' }
  const read = readList({ id: 'rule', format: 'adblock', mayBeEmpty: true }, [file])
  if ('errors' in read) return read.errors.at(-1)!.message
  const [kind] = [...read.reports[0]!.unsupported.keys()]
  if (kind === undefined)
    return rule.startsWith('@@')
      ? 'it lifts only what its own list blocks: add the name to "allow"'
      : undefined
  return kind === 'regular expressions'
    ? 'block the names that it is for: rules have no regular expressions'
    : `no rule for a resolver (${kind}): block the names themselves`
}

/** DNS rewrites as local records. */
export function carryRewrite(
  item: unknown,
  leaves: readonly YamlLeaf[],
  migration: Migration
): void {
  const [first] = leaves
  const { domain = '', answer = '', enabled = true } = isMapping(item) ? item : {}
  const text = `filtering.rewrites: ${String(domain)} → ${String(answer)}`
  const count = leaves.length
  if (enabled === false) return migration.unneeded(first!, text, 'off', count)
  const why = rewriteFault(String(domain), String(answer), migration)
  if (why === undefined) migration.carried(first!, text, count)
  else migration.open(first!, text, why, count)
}

function rewriteFault(domain: string, answer: string, { records }: Migration): string | undefined {
  if (answer === 'A' || answer === 'AAAA')
    return 'the addresses of this type come from the upstream: leave the name out of the records, or write them'
  const address = canonicalAddress(answer)
  return address === undefined
    ? records.add(domain, 'cname', answer)
    : records.add(domain, addressKey(address), address)
}
