import { InterdictError } from '../../../base/errors/error.js'
import type { Position } from '../../../base/errors/position.js'
import type { SerializedError } from '../../../base/errors/serialized-error.js'
import { escapeControls } from '../../../base/log/terminal-line.js'
import type { ListReport } from '../../../policy/rules/lists/list-types.js'
import { formatCount, formatNumber } from '../format.js'
import { copyLines } from './lists-text.js'
import type { ListView } from '../../../analysis/views/lists-view.js'

/** The result of `interdict check`; its JSON form is public. */
export interface CheckResult {
  readonly errors: readonly SerializedError[]
  readonly warnings: readonly SerializedError[]
  /** Detected format and content of each list file; undefined where the rules are invalid. */
  readonly lists?: readonly ListReport[]
  /** Lists that are downloaded or transferred, with the age of their copies. */
  readonly fetched?: readonly ListView[]
  /** Size of the rules; undefined where they are invalid. */
  readonly rules?: RulesSummary
  /** Policy tests, if the rules and all tests can be read. */
  readonly tests?: TestCounts
  /** Autonomous systems that the rules name. */
  readonly asns?: readonly AsnSummary[]
  /** Mandates, if the rules can be read. */
  readonly mandates?: MandateCounts
}

/** Mandates in force, and those that the rules do not satisfy. */
export type MandateCounts = Readonly<Record<'mandates' | 'unmet', number>>

/** Policy tests by outcome. `undecided`: a list that may decide has no content yet. */
type TestCounts = Readonly<Record<'passed' | 'failed' | 'undecided', number>>

type RulesSummary = Readonly<
  Record<'networks' | 'rules' | 'names', number> & { sha256: string; serial?: number | undefined }
>

export function toText({
  errors,
  warnings,
  lists = [],
  fetched = [],
  rules,
  tests,
  mandates,
  asns = []
}: CheckResult): string {
  const lines = [
    ...lists.flatMap(listLines),
    ...asns.map(asnLine),
    ...fetched.flatMap(copyLines),
    ...warnings.map(warning => `warning: ${errorLine(warning)}`),
    ...errors.map(errorLine)
  ]
  if (tests !== undefined && Object.values(tests).some(count => count > 0))
    lines.push(testsLine(tests))
  if (mandates !== undefined && mandates.mandates > 0) lines.push(mandatesLine(mandates))
  const found = [
    errors.length === 0 ? 'no errors' : formatCount(errors.length, 'error'),
    ...(warnings.length === 0 ? [] : [formatCount(warnings.length, 'warning')])
  ].join(', ')
  if (errors.length > 0) lines.push(found)
  else if (rules !== undefined) lines.push(...rulesLines(rules, found))
  return `${lines.join('\n')}\n`
}

/**
 * The format of a list file, and a second line if some of its rules have no meaning here:
 * `list ads, lists/ads.txt: adblock, by all of its first 8 lines; 8 names`.
 */
function listLines({
  id,
  displayName,
  format,
  detectedBy,
  names,
  unsupported
}: ListReport): string[] {
  const how = detectedBy === undefined ? 'as configured' : `by ${detectedBy}`
  const kinds = [...unsupported].map(([kind, n]) => `${kind} (${formatNumber(n)})`)
  const content =
    format === 'addresses' ? formatCount(names, 'address', 'addresses') : formatCount(names, 'name')
  const first = `list ${id}, ${escapeControls(displayName)}: ${format}, ${how}; ${content}`
  return kinds.length === 0 ? [first] : [first, `  not applicable: ${kinds.join(', ')}`]
}

export function testsLine({ passed, failed, undecided }: TestCounts): string {
  const failures = failed > 0 ? `, ${formatNumber(failed)} failed` : ''
  const unknown = undecided > 0 ? `, ${formatNumber(undecided)} not decided` : ''
  return `${formatCount(passed, 'policy test')} passed${failures}${unknown}`
}

const mandatesLine = ({ mandates, unmet }: MandateCounts): string =>
  `${formatCount(mandates, 'mandate')}: ${unmet === 0 ? 'satisfied' : `${formatNumber(unmet)} not satisfied`}`

/** @param found `no errors`, or with warnings `no errors, 2 warnings` */
function rulesLines(
  { networks, rules, names, sha256, serial }: RulesSummary,
  found: string
): string[] {
  const sizes = [
    formatCount(networks, 'network'),
    formatCount(rules, 'rule'),
    formatCount(names, 'name')
  ]
  return [
    `${sizes.join(', ')}: ${found}`,
    `SHA-256 ${sha256}${serial === undefined ? '' : `, serial ${serial}`}`
  ]
}

/** An autonomous system that rules name, as the ASN database has it. */
export interface AsnSummary {
  readonly asn: number
  readonly prefixes: number
  /** Of the database: when it was made, RFC 3339, and its SHA-256. */
  readonly built: string
  readonly sha256: string
}

function asnLine({ asn, prefixes, built, sha256 }: AsnSummary): string {
  const from = `database of ${built.slice(0, 10)}, SHA-256 ${sha256.slice(0, 12)}`
  return `AS${asn}: ${formatCount(prefixes, 'prefix', 'prefixes')} (${from})`
}

export function toJson(result: CheckResult): string {
  return `${JSON.stringify(jsonOf(result), undefined, 2)}\n`
}

export function jsonOf(result: CheckResult) {
  const { errors, warnings, lists, fetched, rules, tests, mandates, asns } = result
  return {
    ok: errors.length === 0,
    rules: rules ?? null,
    tests: tests ?? null,
    mandates: mandates ?? null,
    lists: lists?.map(listJson) ?? null,
    fetched: fetched ?? null,
    asns: asns ?? null,
    errors: errors.map(withPosition),
    warnings: warnings.map(withPosition)
  }
}

function listJson({ id, displayName, format, detectedBy, names, unsupported }: ListReport): object {
  return {
    list: id,
    file: displayName,
    format,
    recognised: detectedBy ?? null,
    names,
    notApplicable: Object.fromEntries(unsupported)
  }
}

function withPosition(error: SerializedError): SerializedError & Partial<Position> {
  const { code, message } = error
  const position = error instanceof InterdictError ? error.position : undefined
  return { code, message, ...position }
}

export const errorLine = ({ code, message }: SerializedError): string =>
  `${escapeControls(message)} (${code})`
