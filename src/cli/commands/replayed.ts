import type { Seconds } from '../../base/units.js'
import { KINDS, type Comparison, type Counts, type Kind } from '../../replay/comparison.js'
import type { ReadLog } from '../../replay/replay.js'
import type { Count, Example, GroundCount } from '../../replay/tally.js'
import { showInstant } from '../../rules/time/instant.js'

/** A rules folder as it was given, and what was in it. */
interface Folder {
  readonly folder: string
  readonly sha256: string
}

/** What a replay was asked for. */
export interface Asked {
  readonly rules: Folder
  /** Undefined: compared with what was recorded. */
  readonly against: Folder | undefined
  readonly at: Seconds | undefined
  readonly timeZone: string
  /** Most rows of a table. */
  readonly top: number
}

/** The most of something, and how many there are. */
export interface Most<T> {
  readonly all: number
  readonly top: readonly T[]
}

/** What changes in one way. */
export interface Changed {
  readonly lookups: number
  /** By app, list and rule. */
  readonly rules: Most<GroundCount>
  readonly networks: Most<Count>
  readonly clients: Most<Count>
  readonly names: Most<Count>
  /** Lookups of names that were too many to be counted one by one. */
  readonly uncounted: number
}

/** All that `interdict replay` shows. */
export interface Replayed extends Asked {
  readonly files: readonly ReadLog[]
  readonly counts: Readonly<Counts>
  readonly changes: Readonly<Record<Kind, Changed>>
}

/** What is not in a log is not judged; said with every output. */
export const LIMITS =
  'Where answers lead (aliases, addresses) is not in the log: only the names asked for are judged.'

export function replayed(
  comparison: Comparison,
  files: readonly ReadLog[],
  asked: Asked
): Replayed {
  comparison.close()
  const changes = Object.fromEntries(
    KINDS.map(kind => [kind, changed(comparison, kind, asked.top)])
  ) as Record<Kind, Changed>
  return { ...asked, files, counts: comparison.counts, changes }
}

function changed(comparison: Comparison, kind: Kind, top: number): Changed {
  const tally = comparison.tallies[kind]
  const most = <T>(all: readonly T[]): Most<T> => ({ all: all.length, top: all.slice(0, top) })
  return {
    lookups: tally.lookups,
    rules: most(tally.grounds),
    networks: most(comparison.networksOf(kind)),
    clients: most(comparison.clientsOf(kind)),
    names: most(tally.names),
    uncounted: tally.uncounted
  }
}

/** For programs, which get times in UTC; this form is public. */
export function toJson({ rules, against, at, files, counts, changes }: Replayed): string {
  const said = {
    rules,
    against: against ?? null,
    at: at === undefined ? null : showInstant(at, 'UTC'),
    logs: files.map(({ told, ...file }) => ({ ...file, firstUnreadable: told })),
    ...counts,
    changes: Object.fromEntries(
      KINDS.map(kind => [kind, { ...changes[kind], rules: inUtc(changes[kind].rules) }])
    ),
    limits: LIMITS
  }
  return `${JSON.stringify(said, undefined, 2)}\n`
}

function inUtc({ all, top }: Most<GroundCount>): object {
  const shown = top.map(ground => ({
    ...ground,
    examples: ground.examples.map(example => ({
      ...example,
      at: Number.isNaN(example.at) ? null : showInstant(example.at, 'UTC')
    }))
  }))
  return { all, top: shown }
}

/** Undated lookups have no time. */
export function whenText(at: Seconds, timeZone: string): string {
  return Number.isNaN(at) ? '-' : showInstant(at, timeZone)
}

/** `10.20.1.1 www.example A`, and what it was and is. */
export function exampleText({ at, client, name, type }: Example, timeZone: string): string {
  return `${whenText(at, timeZone)} ${client === '' ? '-' : client} ${name} ${type}`
}

/** What a change is, for people. */
export const HEADINGS: Readonly<Record<Kind, string>> = {
  blocked: 'Newly blocked',
  allowed: 'Newly allowed',
  refused: 'No longer served: the client is in no network',
  served: 'Newly served: the client is in a network'
}

/** What kept lookups from being compared, and what else is to be known, a sentence each. */
export function remarks({ counts, against, at, timeZone, files }: Replayed): string[] {
  const { monitored, lead, unplaced, strangers, undated } = counts
  const said: [number, string][] = [
    [monitored, 'would be blocked by rules in monitor mode, and are answered.'],
    [lead, 'were blocked for where the answer led, and are not compared.'],
    [
      unplaced,
      'have a client without an address and without a network of the rules: not compared.'
    ],
    [strangers, 'have a client in no network of the rules: not compared (see --network).'],
    [undated, 'have no time in the log, and are taken for lookups of now.']
  ]
  const unreadable = files.reduce((sum, file) => sum + file.unreadable, 0)
  return [
    ...said.flatMap(([n, text]) => (n === 0 ? [] : [`${n.toLocaleString('en')} ${text}`])),
    ...(unreadable === 0 ? [] : [`${unreadable.toLocaleString('en')} lines could not be read.`]),
    at === undefined
      ? 'Each lookup is judged as of its own time.'
      : `All lookups are judged as of ${showInstant(at, timeZone)}.`,
    ...(against === undefined && files.some(({ format }) => format !== 'interdict')
      ? [
          'What other programs answered counts as let through, unless their log says that they blocked it.'
        ]
      : []),
    LIMITS
  ]
}
