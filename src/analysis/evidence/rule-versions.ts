import type { Segment } from './rule-segments.js'

export type { Gateway } from './rule-segments.js'

/** Rules that were in force, in a stretch without other rules in between. */
export interface RuleVersion {
  /** First digits of the SHA-256 of all rule files. */
  readonly sha256: string
  /** Serial of the bundle; null: the rules came from a folder. */
  readonly serial: number | null
  /** First and last logged lookup under them. */
  readonly first: Date
  readonly last: Date
}

/** The rules in force over the segments of one gateway, oldest first. */
export function ruleVersions(segments: readonly Segment[]): readonly RuleVersion[] {
  const versions: RuleVersion[] = []
  for (const segment of segments) {
    if (segment.kind !== 'rules') continue
    const { from, until, version } = segment
    const before = versions.at(-1)
    const [first, last] = [new Date(from), new Date(until - 1)]
    if (before?.sha256 === version.sha256 && before.serial === version.serial)
      versions[versions.length - 1] = { ...before, last }
    else versions.push({ ...version, first, last })
  }
  return versions
}
