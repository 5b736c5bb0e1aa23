import type { Seconds } from '../../../base/units.js'
import type { Change } from '../../../policy/diff/change-collector.js'
import { difference } from '../../../policy/diff/difference.js'
import type { BeforeAfter } from '../../../policy/diff/name-groups.js'
import { gatewayColumn } from '../../../analysis/evidence/fleet-tables.js'
import type { Gateway, RuleVersion } from '../../../analysis/evidence/rule-versions.js'
import { column, type Table, type Value } from '../../../analysis/report/report.js'
import type { RuleSet } from '../../../policy/rules/model/types.js'
import { toJson } from '../../output/rules/diff-json.js'
import { changeTexts, prefixesText } from '../../output/rules/diff-text.js'
import { formatCount } from '../../output/format.js'

/** Names of each change that are spelt out. */
const EXAMPLES = 5
const NOT_AT_HAND = 'not at hand'

/** What changed about a ban between the rules in force over a period. */
export interface RuleChanges {
  readonly table: Table
  /** All changes as `interdict diff --json` prints them, by path in the pack. */
  readonly files: ReadonlyMap<string, string>
}

/** Rules that are at hand, by what the query log records of them. */
export type KnownRules = (version: RuleVersion) => RuleSet | undefined

/** The rules in force over the period at each gateway; `undefined`: the only one. */
export type RuleHistories = ReadonlyMap<Gateway, readonly RuleVersion[]>

/** Compares each version of the rules with the one before, as to what concerns the ban. */
export function ruleChanges(ban: string, histories: RuleHistories, known: KnownRules): RuleChanges {
  const steps = new Steps(ban, known)
  const rows: Value[][] = []
  const marks: (string | null)[] = []
  for (const [gateway, versions] of histories) {
    versions.forEach((version, i) => {
      const before = versions[i - 1]
      const names = [before, version].flatMap(one => (one === undefined ? [] : [nameOf(one)]))
      for (const { change, count = null, details, mark = null } of steps.between(before, version)) {
        const cells = [version.first, names.join(' -> '), change, count, details]
        rows.push(gateway === undefined ? cells : [gateway, ...cells])
        marks.push(mark)
      }
    })
  }
  const columns = [...gatewayColumn([...histories.keys()]), ...TABLE.columns]
  return { table: { ...TABLE, columns, rows, marks }, files: steps.files }
}

interface Step {
  readonly change: string
  readonly count?: number
  readonly details: string
  readonly mark?: string
}

class Steps {
  readonly files = new Map<string, string>()
  /** Gateways of a fleet go through the same changes. */
  private readonly compared = new Map<string, readonly Step[]>()

  constructor(
    private readonly ban: string,
    private readonly known: KnownRules
  ) {}

  between(before: RuleVersion | undefined, version: RuleVersion): readonly Step[] {
    const rules = { before: before && this.known(before), after: this.known(version) }
    if (before === undefined) {
      const mark = rules.after === undefined ? { mark: NOT_AT_HAND } : {}
      return [{ change: 'first', details: 'the first rules of the period', ...mark }]
    }
    if (rules.before === undefined || rules.after === undefined)
      return [{ change: 'not known', details: 'rules are not at hand', mark: NOT_AT_HAND }]
    if (rules.before === rules.after) return [LISTS]
    const names = { old: nameOf(before), now: nameOf(version) }
    const key = `${names.old} ${names.now}`
    const at = Math.floor(version.first.getTime() / 1000)
    const both = { before: rules.before, after: rules.after }
    const steps = this.compared.get(key) ?? this.compare(both, names, at)
    this.compared.set(key, steps)
    return steps
  }

  private compare(
    rules: BeforeAfter<RuleSet>,
    names: { readonly old: string; readonly now: string },
    at: Seconds
  ): readonly Step[] {
    const { ban, files } = this
    const { timeZone } = rules.after
    const found = difference(rules, { at, examples: EXAMPLES })
    const compared = { ...found, ...names, rules, at, only: undefined, timeZone }
    files.set(`rule-changes/${files.size + 1}.json`, toJson(compared))
    const ofBan = found.changes.filter(change => concerns(change, ban))
    const changes = ofBan.map(change => {
      const details = textOf(changeTexts(change, timeZone))
      return { change: change.kind, count: change.names, details }
    })
    const moves = found.moves.map(({ networks, ...prefixes }) => {
      const [from, to] = [networks.before, networks.after].map(one => one ?? 'no network')
      return { change: 'moved', details: `${prefixesText(prefixes)}: ${from} -> ${to}` }
    })
    const others = formatCount(found.changes.length - ofBan.length, 'change')
    const steps = [...changes, ...moves]
    return steps.length > 0 ? steps : [{ change: 'none', details: `${others} of other rules` }]
  }
}

const LISTS: Step = {
  change: 'lists',
  details: 'only downloaded lists or transferred zones; earlier copies are not kept'
}

const TABLE: Omit<Table, 'rows'> = {
  id: 'rule-changes',
  title: 'Changes of the rules',
  description:
    'Each time that other rules came into force, by the first lookup that they decided, and what changed for names of the ban and for its clients. Rules are named by the bundle serial, or by the first digits of their SHA-256. All changes are in rule-changes/.',
  emptyText: 'The log names no rules.',
  columns: [
    column('time', 'time'),
    column('rules', 'text'),
    column('change', 'text'),
    column('names', 'count'),
    column('details', 'text')
  ]
}

function textOf({ clients, was, is, when, names }: ReturnType<typeof changeTexts>): string {
  return `${names}; for ${clients}; was: ${was}; is: ${is}${when === '' ? '' : `, ${when}`}`
}

function concerns({ verdicts: { before, after } }: Change, ban: string): boolean {
  return before.claim?.ruleId === ban || after.claim?.ruleId === ban
}

const nameOf = ({ sha256, serial }: RuleVersion): string =>
  serial === null ? sha256 : `${serial} (${sha256})`

/** Whether rules were in force that are not at hand: the pack declares it. */
export function missingRules(versions: readonly RuleVersion[], known: KnownRules): string[] {
  const missing = versions.filter(version => known(version) === undefined).map(nameOf)
  if (missing.length === 0) return []
  const names = [...new Set(missing)].join(', ')
  return [
    `Rules that were in force are not at hand, so their changes are not shown: ${names}. Give kept bundles or rules folders with --history.`
  ]
}
