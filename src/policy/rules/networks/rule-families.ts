import type { Rule } from '../model/types.js'

/** Finds the rules that meet the rules of a network for some client. */
export class RuleFamilies {
  private extending: ReadonlyMap<string, readonly string[]> | undefined

  /**
   * @param own the rules of each network itself
   * @param lineage each network and all that it extends
   */
  constructor(
    private readonly own: ReadonlyMap<string, readonly Rule[]>,
    private readonly lineage: ReadonlyMap<string, readonly string[]>
  ) {}

  /** The rules of a network, of those that it extends, and of those that extend it. */
  *rulesOf(id: string): Generator<Rule> {
    const seen = new Set<string>()
    this.extending ??= extendingNetworks(this.lineage)
    for (const holder of [id, ...this.extending.get(id)!]) {
      for (const ancestor of this.lineage.get(holder)!) {
        if (seen.has(ancestor)) continue
        seen.add(ancestor)
        yield* this.own.get(ancestor) ?? []
      }
    }
  }
}

/** Each network, and all that extend it. */
function extendingNetworks(
  lineage: ReadonlyMap<string, readonly string[]>
): ReadonlyMap<string, readonly string[]> {
  const families = new Map<string, string[]>()
  for (const [id, ancestors] of lineage) {
    for (const ancestor of ancestors) {
      const known = families.get(ancestor)
      if (known === undefined) families.set(ancestor, [id])
      else known.push(id)
    }
  }
  return families
}
