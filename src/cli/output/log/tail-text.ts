import type { QueryRecord } from '../../../lookups/event/schema.js'
import { escapeControls } from '../../../base/log/terminal-line.js'
import { paint, type Colour } from '../../io.js'
import { wrap } from '../columns.js'

const COLOUR: Readonly<Record<string, Colour>> = {
  blocked: 'red',
  monitored: 'yellow',
  failed: 'yellow',
  refused: 'yellow',
  allowed: 'green'
}
const VERDICT = 'monitored'.length
const CLIENT = '255.255.255.255'.length
/** Width before the client, and the indentation of continued lines. */
const MARGIN = '00:00:00 '.length + VERDICT + 1

/**
 * One lookup: client, query, verdict and reason. In one line if it fits, else wrapped.
 *
 * @param width Infinity for always one line
 */
export function recordText(record: QueryRecord, width: number): string {
  const { time, verdict, client, device, qname, qtype, rcode = 'no reply' } = record
  const clock = escapeControls(time.slice(11, 19))
  const question = `${escapeControls(device ?? client ?? '-').padEnd(CLIENT)} ${escapeControls(qname)} ${escapeControls(qtype)} ${escapeControls(rcode)}`
  const why = reasons(record).join(', ')
  const head = `${clock} ${painted(verdict)}`
  const whole = `${question}  ${escapeControls(why)}`
  if (MARGIN + whole.length <= width) return `${head} ${whole}\n`
  const room = width - MARGIN
  const [first = '', ...rest] = [...wrap(question, room), ...wrap(why, room)]
  const below = rest.map(line => `${' '.repeat(MARGIN)}${line}\n`)
  return `${head} ${first}\n${below.join('')}`
}

function painted(verdict: string): string {
  const text = escapeControls(verdict).padEnd(VERDICT)
  const colour = COLOUR[verdict]
  return colour === undefined ? text : paint(colour, text)
}

/** The network, the rule and its position, and the matching line. */
function reasons(record: QueryRecord): string[] {
  const { network, ban, exception, allow, block, app, list, rule, match, pattern, source } = record
  const rules = { ban, exception, allow, block, app, list }
  const matched = match === undefined || match === 'qname' ? '' : `${match} `
  return [
    network ?? 'no network',
    ...Object.entries(rules).flatMap(([kind, id]) => (id === undefined ? [] : [`${kind} ${id}`])),
    ...(rule === undefined ? [] : [rule]),
    ...(pattern === undefined ? [] : [`${matched}${pattern} (${source ?? ''})`]),
    ...(match === 'rebinding' ? ['private address'] : [])
  ]
}
