import { MS_PER_SECOND } from '../../../base/units.js'
import { escapeControls } from '../../../base/log/terminal-line.js'
import { showInstant, showTime, showEnd } from '../../../base/time/instant.js'
import { paint, type Colour } from '../../io.js'
import type { Explanation, RuleView, Step } from '../../../analysis/views/explanation.js'
import { showValidation } from '../../../resolver/validation/show-validation.js'
import { factLabel } from '../format.js'
import { windowText, type PastExplanation } from './past-explanation.js'

const COLOURS: Readonly<Record<string, Colour>> = {
  blocked: 'red',
  refused: 'red',
  failed: 'red',
  stale: 'yellow',
  monitored: 'yellow'
}

/** The part of the query or answer that the rule matched. */
const MATCHES: Readonly<Record<string, string>> = {
  qname: 'by its name',
  cname: 'by a CNAME in the answer',
  dname: 'by a DNAME in the answer',
  svcb: 'by an SVCB target in the answer',
  address: 'by an address in the answer',
  rebinding: 'by the rebinding guard, for a private address in the answer',
  ech: "by the network's ech",
  record: 'by a local record'
}

const NO_REPLY = ['nothing: no reply is sent']
const FORWARDED = ['the answer of an upstream (not queried)']

/** How an explanation is shown. */
export interface View {
  /** Rules folder relative to the working folder, so that editors find the files. */
  readonly folder: string
  /** By default that of the rules, so that dates look as they were written. */
  readonly timeZone: string
}

export function toText(explanation: Explanation, view: View): string {
  const { name, type, network, addressNetwork, ech } = explanation
  const { at, rules, rule, steps: stops, reply } = explanation
  const other = addressNetwork === null ? '' : ` and under the bans of network ${addressNetwork}`
  const echText = ech === 'pass' ? '' : ` (ech: ${ech})`
  const place = network === null ? 'in no network' : `in network ${network}${other}${echText}`
  const received = reply === null ? FORWARDED : reply.length === 0 ? NO_REPLY : reply
  const lines = [
    `${paint('bold', `${name} ${type}`)} from ${clientText(explanation)}, ${place}, at ${local(at, view)} (${view.timeZone})`,
    '',
    verdictLine(explanation),
    ...(rule === null ? [] : ruleLines(rule, view)),
    '',
    'The client receives',
    ...indent(received),
    '',
    ...dnssecLines(explanation),
    'Applicable rules',
    ...stops.flatMap(stop => stepLines(stop, view)),
    '',
    ...mandateLines(explanation),
    `Rules SHA-256 ${rules.sha256}${rules.serial === null ? '' : `, serial ${rules.serial}`}`
  ]
  return `${lines.join('\n')}\n`
}

function dnssecLines({ dnssec }: Pick<Explanation, 'dnssec'>): string[] {
  if (dnssec === undefined) return []
  const { mode, ede, ...validation } = dnssec
  const chain = showValidation({ ...validation, ede: ede ?? undefined })
  const lines = chain.trimEnd().split('\n').map(oneLine)
  return [`DNSSEC (${mode})`, ...indent(lines), '']
}

/** As `toText`, of a verdict in the past, or of why it is not known. */
export function pastText(explanation: PastExplanation, view: View): string {
  const { rules, past } = explanation
  const { since, until, unknown, notes, log } = past
  const end = until === null ? ', still in force' : ` until ${local(until, view)}`
  const version =
    since === null
      ? []
      : [
          `These rules were in force since ${local(since, view)}${end}: "interdict rules show ${rules.sha256!.slice(0, 12)}"`
        ]
  const text =
    unknown.length > 0
      ? unknownText(explanation, view)
      : toText({ ...explanation, rules: { ...rules, sha256: rules.sha256! } }, view)
  const lines = [
    ...version,
    ...notes.map(oneLine),
    '',
    `In the query log, ${windowText}`,
    ...indent(logLines(log, view))
  ]
  return `${text}${lines.join('\n')}\n`
}

function unknownText(explanation: PastExplanation, view: View): string {
  const { name, type, at, past, rules } = explanation
  const version = rules.sha256 === null ? [] : ['', `Rules SHA-256 ${rules.sha256}`]
  const lines = [
    `${paint('bold', `${name} ${type}`)} from ${clientText(explanation)}, at ${local(at, view)} (${view.timeZone})`,
    '',
    `${paint('yellow', 'NOT KNOWN')} what was decided`,
    ...indent(past.unknown.map(oneLine)),
    ...version
  ]
  return `${lines.join('\n')}\n`
}

function logLines(
  { lookups, remarks }: PastExplanation['past']['log'],
  { timeZone }: View
): string[] {
  const rows = lookups.map(({ time, type, verdict, rcode, rule, sha256 }) => {
    const how = [type, verdict, rcode ?? 'no reply', rule === null ? '' : `by ${rule}`]
    const phrases = how.filter(word => word !== '').join(' ')
    return oneLine(
      `${showTime(Date.parse(time), timeZone)} ${phrases}, rules ${sha256 ?? 'not known'}`
    )
  })
  const none = rows.length === 0 && remarks.length === 0 ? ['none of this client and name'] : []
  return [...rows, ...none, ...remarks.map(oneLine)]
}

/** `client phones/17 at 10.0.0.1`, and why its address alone counts all the same. */
function clientText({ client, device }: Pick<Explanation, 'client' | 'device'>): string {
  if (device === null) return client
  const note = device.reason === null ? '' : ` (${device.reason})`
  return `client ${escapeControls(device.name)}${client === '::' ? '' : ` at ${client}`}${note}`
}

function verdictLine({ verdict, match, upstream }: Explanation): string {
  const phrases = [
    paint(COLOURS[verdict] ?? 'green', verdict.toUpperCase()),
    MATCHES[match] ?? '',
    upstream === null ? '' : `(upstream ${upstream})`
  ]
  return phrases.filter(word => word !== '').join(' ')
}

function ruleLines(rule: Omit<RuleView, 'outcome'>, view: View): string[] {
  const { folder } = view
  const { kind, id, monitor, facts, through, pattern, source } = rule
  if (kind === 'local') return indent([`special-use name ${pattern}, ${source}`])
  const rows: [string, string][] = [
    [kind, `${id}${monitor ? ' (monitor mode)' : ''}, ${folder}${rule.rule}`],
    ...(rule.network === undefined ? [] : [['of network', rule.network] as [string, string]]),
    ['matched by', `${through}: ${pattern}, ${folder}${source}`],
    ...(rule.asn === undefined ? [] : [['of', `AS${rule.asn}`] as [string, string]]),
    ...(rule.added === undefined ? [] : [['added', addedText(rule.added)] as [string, string]]),
    ...(rule.forced === undefined ? [] : [['forced', rule.forced] as [string, string]]),
    ...Object.entries(facts).map(([fact, value]): [string, string] => [
      factLabel(fact),
      fact === 'review' ? local(value, view) : value
    ]),
    ['in force', termOf(rule, view) || 'always']
  ]
  return indent(rows.map(([label, value]) => `${label.padEnd(13)} ${oneLine(value)}`))
}

/** The mandates that order the name to be banned, and whether that is so for this query. */
function mandateLines({ mandates, verdict }: Explanation): string[] {
  if (mandates.length === 0) return []
  const lines = mandates.map(({ id, at, authority, reference, orders, met }) => {
    const state = met ? paint('green', 'satisfied') : paint('red', 'NOT SATISFIED')
    const why = met
      ? ''
      : verdict === 'blocked'
        ? ': what blocks it is not a ban'
        : ': no ban blocks it'
    const what = `mandate ${id} (${authority}: ${reference}) orders a ban of ${orders}, ${at}`
    return `${state} for this query${why}; ${oneLine(what)}`
  })
  return ['Mandates', ...indent(lines), '']
}

function stepLines({ subject: name, rules, inside }: Step, view: View): string[] {
  const subject = inside === true ? `${name}, a private address` : name
  if (rules.length === 0) return [`  ${subject}: none`]
  const width = Math.max(...rules.map(({ outcome }) => outcome.length))
  return [`  ${subject}`, ...rules.map(rule => ruleLine(rule, width, view))]
}

function ruleLine(applied: RuleView, width: number, view: View): string {
  const { folder } = view
  const { kind, id, rule, pattern, source, outcome } = applied
  const where = `(${folder}${rule}), matched by ${pattern} (${folder}${source})`
  const of = applied.network === undefined ? '' : ` of network ${applied.network}`
  const what = kind === 'local' ? `${id} ${pattern} (${source})` : `${kind} ${id}${of} ${where}`
  const phrases = oneLine(`${what} ${termOf(applied, view)}`)
  const text = `${outcome.padEnd(width)}  ${phrases}`
  return `    ${['decides', 'answers', 'monitors'].includes(outcome) ? paint('bold', text) : text}`
}

function termOf(rule: Pick<RuleView, 'from' | 'until' | 'schedule'>, view: View): string {
  const { from, until, schedule = '' } = rule
  const start = from === undefined ? '' : `from ${local(from, view)}`
  const end = until === undefined ? '' : showEnd(Date.parse(until) / MS_PER_SECOND, view.timeZone)
  return [start, end, schedule].filter(part => part !== '').join(' ')
}

/** Texts of rules may have several lines, but must not control the terminal. */
function oneLine(text: string): string {
  return escapeControls(text.replaceAll(/[ \t\n]+/g, ' ').trim())
}

/** A UTC instant of the JSON form, in the time zone. */
function local(instant: string, { timeZone }: View): string {
  return showInstant(Date.parse(instant) / MS_PER_SECOND, timeZone)
}

const indent = (lines: readonly string[]): string[] => lines.map(line => `  ${line}`)

function addedText({ catalogue, at, enforced }: NonNullable<RuleView['added']>): string {
  return `by catalogue ${catalogue} at ${at}; monitored until ${enforced}`
}
