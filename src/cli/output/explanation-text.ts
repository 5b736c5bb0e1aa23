import { MS_PER_SECOND } from '../../base/units.js'
import { showInstant } from '../../rules/time/instant.js'
import { paint, type Paint } from '../io.js'
import type { Explanation, Said, Stop } from './explanation.js'

const COLOURS: Readonly<Record<string, Paint>> = {
  blocked: 'red',
  refused: 'red',
  failed: 'red',
  stale: 'yellow',
  monitored: 'yellow'
}

/** What of the question or answer the rule speaks of. */
const MATCHES: Readonly<Record<string, string>> = {
  qname: 'for its name',
  cname: 'for a CNAME in the answer',
  dname: 'for a DNAME in the answer',
  svcb: 'for a target in the answer',
  address: 'for an address in the answer',
  rebinding: 'by the rebinding guard, for an address in the answer'
}

const NOTHING = ['nothing: no reply is sent']
const OPEN = ['what an upstream says, which was not asked']

/** What the rules are, for people who look at them. */
export interface View {
  /** Of the rules, as seen from the working folder: with it, editors find the files. */
  readonly folder: string
  /** That of the rules, so that dates are shown as they were written. */
  readonly timeZone: string
}

/** For a terminal; colours only there. */
export function toText(explanation: Explanation, view: View): string {
  const { name, type, client, network, at, rules, rule, stops, reply } = explanation
  const place = network === null ? 'which is in no network' : `in network ${network}`
  const received = reply === null ? OPEN : reply.length === 0 ? NOTHING : reply
  const lines = [
    `${paint('bold', `${name} ${type}`)} asked by ${client}, ${place}, at ${local(at, view)}`,
    '',
    verdictLine(explanation),
    ...(rule === null ? [] : ruleLines(rule, view)),
    '',
    'The client receives',
    ...indent(received),
    '',
    'Rules that have a say',
    ...stops.flatMap(stop => stopLines(stop, view)),
    '',
    `Rules SHA-256 ${rules.sha256}${rules.serial === null ? '' : `, serial ${rules.serial}`}`
  ]
  return `${lines.join('\n')}\n`
}

function verdictLine({ verdict, match, upstream }: Explanation): string {
  const words = [
    paint(COLOURS[verdict] ?? 'green', verdict.toUpperCase()),
    MATCHES[match] ?? '',
    upstream === null ? '' : `(upstream ${upstream})`
  ]
  return words.filter(word => word !== '').join(' ')
}

function ruleLines(rule: Omit<Said, 'fate'>, view: View): string[] {
  const { folder } = view
  const { kind, id, monitor, facts, through, pattern, source } = rule
  if (kind === 'local') return indent([`special use ${pattern}, ${source}`])
  const rows: [string, string][] = [
    [kind, `${id}${monitor ? ' (monitor mode)' : ''}, ${folder}${rule.rule}`],
    ['through', `${through}: ${pattern}, ${folder}${source}`],
    ...(rule.forced === undefined ? [] : [['forced', rule.forced] as [string, string]]),
    ...Object.entries(facts).map(([fact, value]): [string, string] => [
      spaced(fact),
      fact === 'review' ? local(value, view) : value
    ]),
    ['in force', termOf(rule, view) || 'without end']
  ]
  return indent(rows.map(([label, value]) => `${label.padEnd(13)} ${value}`))
}

/** `legalBasis` as `legal basis`. */
function spaced(fact: string): string {
  return fact.replace(/[A-Z]/g, letter => ` ${letter.toLowerCase()}`)
}

function stopLines({ what: name, said, inside }: Stop, view: View): string[] {
  const what = inside === true ? `${name}, an address inside` : name
  if (said.length === 0) return [`  ${what}: none`]
  const width = Math.max(...said.map(({ fate }) => fate.length))
  return [`  ${what}`, ...said.map(one => showSaid(one, width, view))]
}

function showSaid(said: Said, width: number, view: View): string {
  const { folder } = view
  const { kind, id, rule, pattern, source, fate } = said
  const where = `(${folder}${rule}) through ${pattern} (${folder}${source})`
  const what = kind === 'local' ? `${id} ${pattern} (${source})` : `${kind} ${id} ${where}`
  const text = `${fate.padEnd(width)}  ${what} ${termOf(said, view)}`.trimEnd()
  return `    ${fate === 'decides' || fate === 'monitors' ? paint('bold', text) : text}`
}

function termOf(said: Pick<Said, 'from' | 'until' | 'schedule'>, view: View): string {
  const { from, until, schedule = '' } = said
  const start = from === undefined ? '' : `from ${local(from, view)}`
  const end = until === undefined ? '' : `until ${local(until, view)}`
  return [start, end, schedule].filter(part => part !== '').join(' ')
}

/** An instant of the JSON form, which is in UTC. */
function local(instant: string, { timeZone }: View): string {
  return showInstant(Date.parse(instant) / MS_PER_SECOND, timeZone)
}

const indent = (lines: readonly string[]): string[] => lines.map(line => `  ${line}`)
