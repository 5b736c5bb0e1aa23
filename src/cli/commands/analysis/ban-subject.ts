import type { BanSubject } from '../../../analysis/report/connections/egress-findings.js'
import type { Prefix } from '../../../base/values/address.js'
import { namesOf } from '../../../gateway/probe/ban-names.js'
import type { NameSource } from '../../../policy/rules/model/types.js'

/** What the sources of a ban are about, as findings of connections name it. */
export function banSubject(id: string, sources: readonly NameSource[]): BanSubject {
  const apps = sources.flatMap(source => (source.kind === 'app' ? [source.id] : []))
  const others = sources.filter(({ kind }) => kind !== 'app')
  const prefixes: Prefix[] = []
  for (const source of others) {
    // What a list passes is not banned.
    if (source.part !== undefined && source.part.effect !== 'rule') continue
    source.writeTo({ name: () => undefined, prefix: prefix => prefixes.push(prefix) })
  }
  const names = new Set(others.flatMap(namesOf).map(({ text }) => text))
  return { id, apps: [...new Set(apps)], names, prefixes }
}
