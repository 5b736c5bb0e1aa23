import { recordOctets, words } from '../resolver/message-octets.js'
import { readMessage } from '../resolver/message-text.js'

/*
 * Reads scenario files of Unbound's test program testbound. Their format is described at the top of
 * testcode/replay.h and testcode/testpkts.h in the source of Unbound.
 */

/** A message: what an upstream responds, a client sends, or a client must receive. */
export interface RplEntry {
  readonly match: readonly string[]
  /** Flags and RCODE: `QR RD RA NXDOMAIN`. */
  readonly reply: readonly string[]
  /** Lower-case, without the final dot, the root as `.`. */
  readonly name: string
  readonly type: string
  /** As `readMessage` writes them. */
  readonly sections: Readonly<Record<'ANSWER' | 'AUTHORITY' | 'ADDITIONAL', readonly string[]>>
}

/** What one address responds during some steps. */
export interface RplRange {
  readonly from: number
  readonly to: number
  readonly address: string
  readonly entries: readonly RplEntry[]
}

export interface RplStep {
  readonly number: number
  readonly kind: string
  /** Words after the kind: `ADDRESS 192.0.2.1`, `ELAPSE 10`. */
  readonly words: readonly string[]
  readonly entry: RplEntry | undefined
}

/** A clause of unbound.conf: `server:` or `rpz:` with its attributes in order. */
export interface RplClause {
  readonly name: string
  readonly attributes: readonly (readonly [key: string, value: string])[]
}

export interface RplScenario {
  readonly title: string
  readonly clauses: readonly RplClause[]
  /** Files that the configuration refers to, by name. */
  readonly files: ReadonlyMap<string, string>
  readonly ranges: readonly RplRange[]
  readonly steps: readonly RplStep[]
}

const CLAUSES = ['server', 'rpz', 'stub-zone', 'forward-zone', 'auth-zone', 'remote-control']
const TTL = 3600

/**
 * @param readRecord what becomes of each record, as it is in the file
 * @throws Error for what this reader does not know
 */
export function readRpl(text: string, readRecord = readPlainRecord): RplScenario {
  const lines = text.split('\n')
  const end = lines.findIndex(line => line.startsWith('CONFIG_END'))
  return { ...readConfig(lines.slice(0, end)), ...readScenario(lines.slice(end + 1), readRecord) }
}

function readConfig(lines: readonly string[]): Pick<RplScenario, 'clauses' | 'files'> {
  const clauses: { name: string; attributes: [string, string][] }[] = []
  const files = new Map<string, string>()
  let file: { name: string; lines: string[] } | undefined
  for (const line of lines) {
    if (line.startsWith('TEMPFILE_CONTENTS')) file = { name: line.split(/\s+/)[1]!, lines: [] }
    else if (line.startsWith('TEMPFILE_END')) {
      files.set(file!.name, `${file!.lines.join('\n')}\n`)
      file = undefined
    } else if (file !== undefined) file.lines.push(line)
    else if (line.startsWith('TEMPFILE_NAME')) {
      clauses.at(-1)!.attributes.at(-1)![1] = line.split(/\s+/)[1]!
    } else readAttribute(line, clauses)
  }
  return { clauses, files }
}

function readAttribute(line: string, clauses: { name: string; attributes: [string, string][] }[]) {
  const [, key, value] = /^\s*([a-z0-9-]+):\s*(.*?)\s*$/.exec(line.replace(/\s[#;].*$/, '')) ?? []
  if (key === undefined) return
  if (value === '' && CLAUSES.includes(key)) clauses.push({ name: key, attributes: [] })
  else clauses.at(-1)?.attributes.push([key, value!])
}

interface PendingEntry {
  match: string[]
  reply: string[]
  question: string[]
  sections: { ANSWER: string[]; AUTHORITY: string[]; ADDITIONAL: string[] }
}

function readScenario(
  lines: readonly string[],
  readRecord: (text: string) => string
): Pick<RplScenario, 'title' | 'ranges' | 'steps'> {
  const ranges: { from: number; to: number; address: string; entries: RplEntry[] }[] = []
  const steps: { number: number; kind: string; words: string[]; entry: RplEntry | undefined }[] = []
  let title = ''
  let entry: PendingEntry | undefined
  let section = ''
  let isInRange = false
  for (const line of lines) {
    const text = withoutComment(line)
    const [keyword, ...rest] = text.split(/\s+/) as [string, ...string[]]
    if (text === '') continue
    if (keyword === 'SCENARIO_BEGIN') title = text.slice(keyword.length + 1)
    else if (keyword === 'SCENARIO_END') break
    else if (keyword === 'RANGE_BEGIN') {
      isInRange = true
      ranges.push({ from: Number(rest[0]), to: Number(rest[1]), address: '', entries: [] })
    } else if (keyword === 'RANGE_END') isInRange = false
    else if (keyword === 'ADDRESS' && isInRange) ranges.at(-1)!.address = rest[0]!
    else if (keyword === 'STEP') {
      steps.push({
        number: Number(rest[0]),
        kind: rest[1]!,
        words: rest.slice(2),
        entry: undefined
      })
    } else if (keyword === 'ENTRY_BEGIN') {
      const sections = { ANSWER: [], AUTHORITY: [], ADDITIONAL: [] }
      entry = { match: [], reply: [], question: [], sections }
    } else if (keyword === 'ENTRY_END') {
      const read = finished(entry!, readRecord)
      if (isInRange) ranges.at(-1)!.entries.push(read)
      else steps.at(-1)!.entry = read
      entry = undefined
    } else if (entry === undefined) throw new Error(`unknown line: ${line}`)
    else if (keyword === 'MATCH') entry.match.push(...rest)
    else if (keyword === 'REPLY') entry.reply.push(...rest)
    else if (keyword === 'SECTION') section = rest[0]!
    else if (section === 'QUESTION' && keyword !== 'ADJUST') entry.question.push(text)
    else if (keyword !== 'ADJUST') entry.sections[section as 'ANSWER'].push(text)
  }
  return { title, ranges, steps }
}

function withoutComment(line: string): string {
  return line
    .replace(/("[^"]*"|[^";])*/, found => `${found}\n`)
    .split('\n')[0]!
    .trim()
}

function finished(
  { match, reply, question, sections }: PendingEntry,
  readRecord: (text: string) => string
): RplEntry {
  const [name = '.', ...rest] = question[0]?.split(/\s+/) ?? []
  return {
    match,
    reply,
    name: name === '.' ? name : name.toLowerCase().replace(/\.$/, ''),
    type: rest.at(-1) ?? 'A',
    sections: {
      ANSWER: sections.ANSWER.map(text => readRecord(text)),
      AUTHORITY: sections.AUTHORITY.map(text => readRecord(text)),
      ADDITIONAL: sections.ADDITIONAL.map(text => readRecord(text))
    }
  }
}

/** `a.  IN  TXT "text"`, with or without TTL and class, as `readMessage` writes it. */
function readPlainRecord(text: string): string {
  const [, owner, rest] = /^(\S+)\s+(.*)$/.exec(text)!
  const parts = /^(?:(?:(\d+)|IN)\s+)?(?:(?:(\d+)|IN)\s+)?([A-Z]+\d*)\s+(.*)$/.exec(rest!)
  if (parts === null) throw new Error(`unknown record: ${text}`)
  const [, ttl, other, type, data] = parts
  // Some scenarios have an address where a name belongs.
  const spaced = data!.replace(/[()]/g, ' ').trim().split(/\s+/).join(' ')
  const value =
    type === 'TXT' ? data! : spaced.replace(/\.(?=\s|$)/g, (_, at) => (at > 0 ? '' : '.'))
  const record = recordOctets(`${owner!.toLowerCase()} ${ttl ?? other ?? TTL} ${type} ${value}`)
  const message = Buffer.concat([words(0, 0x8000, 0, 1, 0, 0), record])
  return readMessage(message).answers[0]!
}
