import type { Seconds } from '../../../base/units.js'
import type { Location } from '../model/location.js'
import { isPassPart, type Ban, type NameSource } from '../model/types.js'
import { itemsOf, keyOf } from './rule-index.js'

/**
 * Warns of bans that never decide: of two bans with the same names, the first one does.
 *
 * @param bans of one network, in order
 * @param location of the list of them
 */
export function warnAboutShadowedBans(
  bans: readonly Ban[],
  location: Location,
  now: Seconds
): void {
  if (bans.length < 2) return
  // Hardly any bans have something in common, and reading their names takes long.
  const kinds = bans.flatMap(({ sources }) => sources.map(it => (isInline(it) ? 'names' : it)))
  if (new Set(kinds).size === kinds.length) return
  const first = new Map<NameSource | string, Ban>()
  for (const [i, ban] of bans.entries()) {
    const sources = ban.sources.filter(source => !isInline(source) || !isPassPart(source))
    const keys = sources.flatMap<NameSource | string>(source =>
      isInline(source) ? itemsOf(source).map(keyOf) : [source]
    )
    const others = keys.map(key => first.get(key))
    if (ban.until > now && others.every(other => other && lastsAsLong(other, ban))) {
      const at = location.at(i)
      at.warn('RULES_BAN_SHADOWED', at.pathText, [...new Set(others.map(it => it!.id))])
    }
    // It leaves some of its names to the next ban.
    if (!alwaysDecides(ban) || sources.length < ban.sources.length) continue
    for (const key of keys) if (!first.has(key)) first.set(key, ban)
  }
}

/** Whether no rule below this ban decides while it is active. Over TCP, `truncate` does not apply. */
export function alwaysDecides({ mode, schedule, reply }: Ban): boolean {
  return mode === 'enforce' && schedule === undefined && reply.action !== 'truncate'
}

function lastsAsLong(one: Ban, other: Ban): boolean {
  return one.from <= other.from && one.until >= other.until
}

function isInline({ kind }: NameSource): boolean {
  return kind === 'inline'
}
