import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Milliseconds } from '../../src/base/units.js'
import type { QueryRecord } from '../../src/lookups/event/schema.js'
import type { EnforcementOutcome, Status } from '../../src/analysis/evidence/enforcement.js'
import type { Activation } from '../../src/analysis/evidence/recorded-rules.js'
import { loadRules } from '../../src/policy/rules/load.js'
import type { RuleSet } from '../../src/policy/rules/model/types.js'

/*
 * Generated traffic of a gateway whose ban is off in five windows, with two exceptions, a paused block rule, a gap of
 * the log and a crash; and the truth about every lookup and minute, which does not come from the code under test.
 */

export const BAN = 'be-clip'
const MINUTE: Milliseconds = 60_000
const NAMES = ['clip.example', 'www.clip.example', 'api.clip.example', 'v.clipcdn.example']

const TERM = 'approved-by: Ops, from: 2026-06-01'
/** The first expires within the period; the second is in version `a` only. */
const unvalidated = (more: string): string => `
dnssec:
  exceptions:
    - { name: broken.example, purpose: expired signatures, ${TERM}, until: 2026-06-03 }${more}`
const REMOVED = `
    - { name: removed.example, purpose: wrong DS, ${TERM}, until: 2026-06-29 }`

const rulesWith = (office: string, laptops = '\n    extends: [office]'): string => `networks:
  office:
    prefixes: []
${office}
  phones:
    prefixes: [10.1.0.0/16]
    extends: [office]
  laptops:
    prefixes: [10.2.0.0/16]${laptops}
`
const EXCEPTION = 'purpose: work, approved-by: Head, from: 2026-01-01, until: 2026-12-31'
const banned = (more = ''): string =>
  rulesWith(
    `    bans:
      - { id: ${BAN}, names: [clip.example, clipcdn.example], apps: [clips], authority: Council, reference: R${more} }
    exceptions:
      - { id: press, names: [=www.clip.example], prefixes: [10.1.9.0/24], ${EXCEPTION} }
      - { id: lab, names: [=api.clip.example], prefixes: [10.1.8.0/24], ${EXCEPTION} }`
  )

const [ADDED, ENFORCED] = ['2026-05-20T10:00:00Z', '2026-05-21T10:00:00Z'].map(
  text => Date.parse(text) / 1000
)
/** A catalogue with an app of the ban, to which an update has added a name. */
export const CATALOGUE = JSON.stringify({
  ...{
    format: 1,
    version: '2026.5',
    serial: 7,
    sha256: '0'.repeat(64),
    created: ADDED,
    expires: ENFORCED
  },
  evidence: 'evidence: {}\n',
  apps: {
    clips: 'app: clips\ntitle: Clips\nnames:\n  - clips.example\n  - =new.clips-cdn.example\n'
  },
  copies: {},
  added: { clips: { '=new.clips-cdn.example': { serial: 7, added: ADDED, enforced: ENFORCED } } }
})

/** The rules of each version, by a letter; `f` is not at hand when the pack is made. */
export const VERSIONS = {
  a: `${banned().replace('extends: [office]', 'extends: [office]\n    dnssec: enforce\n    egress: observe')}${unvalidated(REMOVED)}`,
  b: rulesWith('    block: [{ id: clips, names: [clip.example, clipcdn.example] }]'),
  c: `${banned(', mode: monitor').replace('extends: [office]', 'extends: [office]\n    dnssec: observe\n    egress: deny')}${unvalidated('')}`,
  d: banned(', schedule: { hours: "00:00-12:00" }'),
  g: banned().replace(/(laptops:\n {4}prefixes: .*)\n {4}extends: .*/, '$1'),
  f: rulesWith('    block: []')
} as const
type Letter = keyof typeof VERSIONS

/** Minutes of which a window begins and ends, as shares of the period; between them, version `a` is in force. */
const WINDOWS: readonly (readonly [from: number, until: number, Letter])[] = [
  [0.1, 0.12, 'b'],
  [0.25, 0.27, 'c'],
  [0.4, 0.44, 'd'],
  [0.55, 0.57, 'g'],
  [0.7, 0.72, 'f']
]
const GAP = [0.8, 0.81] as const
const CRASH = [0.9, 0.91] as const

export interface Line {
  readonly record: QueryRecord
  readonly at: Milliseconds
  readonly outcome: EnforcementOutcome
}

export interface Month {
  readonly since: Milliseconds
  readonly until: Milliseconds
  /** Lookups in the log. */
  readonly lines: readonly Line[]
  /** Lookups of the file that is missing. */
  readonly lost: readonly Line[]
  /** The truth about each minute. */
  readonly minutes: readonly Status[]
  /** When versions came into force. */
  readonly activations: readonly Activation[]
  /** Of each version that is at hand. */
  readonly rules: ReadonlyMap<Letter, RuleSet>
}

/** @param folder receives a folder of rules for each version that is at hand */
export async function generate(
  folder: string,
  since: Milliseconds,
  minutes: number,
  perMinute: number,
  seed: number
): Promise<Month> {
  const rules = new Map<Letter, RuleSet>()
  for (const [letter, text] of Object.entries(VERSIONS) as [Letter, string][]) {
    if (letter === 'f') continue
    mkdirSync(join(folder, letter), { recursive: true })
    writeFileSync(join(folder, letter, 'networks.yaml'), text)
    writeFileSync(join(folder, letter, 'catalogue.json'), CATALOGUE)
    const loaded = await loadRules(join(folder, letter))
    if (!loaded.ok) throw new Error(loaded.errors.map(({ message }) => message).join('\n'))
    rules.set(letter, loaded.rules)
  }
  const random = generator(seed)
  const minuteOf = (share: number): number => Math.round(share * minutes)
  const [gapFrom, gapUntil] = GAP.map(minuteOf) as [number, number]
  const [crashFrom, crashUntil] = CRASH.map(minuteOf) as [number, number]
  const bounds = WINDOWS.map(
    ([from, until, letter]) => [minuteOf(from), minuteOf(until), letter] as const
  )
  const letterAt = (minute: number): Letter =>
    bounds.find(([from, until]) => from <= minute && minute < until)?.[2] ?? 'a'
  const shaOf = (letter: Letter): string => rules.get(letter)?.sha256.slice(0, 12) ?? 'ffffffffffff'

  const lines: Line[] = []
  const lost: Line[] = []
  const truth: Status[] = []
  const activations: Activation[] = [{ at: since, sha256: shaOf('a'), serial: null }]
  let generation = 1
  let before: Letter = 'a'
  for (let minute = 0; minute < minutes; minute++) {
    const letter = letterAt(minute)
    const start = since + minute * MINUTE
    if (letter !== before) {
      generation++
      activations.push({ at: start, sha256: shaOf(letter), serial: null })
    }
    before = letter
    const isOff = letter === 'd' ? new Date(start).getUTCHours() >= 12 : letter !== 'a'
    truth.push(isOff ? 'not in force' : 'in force')
    if (minute >= crashFrom && minute < crashUntil) {
      generation = 0
      continue
    }
    if (generation === 0) generation = 1
    const isLost = minute >= gapFrom && minute < gapUntil
    if (isLost) truth[minute] = 'log missing'
    const times = Array.from({ length: perMinute }, () => Math.floor(random() * MINUTE))
    // The ends of the period and of the missing file are known exactly.
    if (minute === 0 || minute === gapFrom) times[0] = 0
    if (minute === minutes - 1 || minute === gapUntil - 1) times[0] = MINUTE - 1
    for (const offset of times.sort((a, b) => a - b)) {
      const isPaused = letter === 'b' && minute >= minuteOf(0.11)
      const line = lookup(start + offset, letter, isPaused, random, {
        generation,
        sha256: shaOf(letter)
      })
      ;(isLost ? lost : lines).push(line)
    }
  }
  const first = lines.find(({ at }) => at >= since + crashUntil * MINUTE)!
  const last = lines.findLast(({ at }) => at < since + crashFrom * MINUTE)!
  for (let at = Math.floor((last.at + 1 - since) / MINUTE); since + at * MINUTE < first.at; at++)
    truth[at] = 'restart'
  return { since, until: since + minutes * MINUTE, lines, lost, minutes: truth, activations, rules }
}

function lookup(
  at: Milliseconds,
  letter: Letter,
  isPaused: boolean,
  random: () => number,
  version: { generation: number; sha256: string }
): Line {
  const pick = (count: number): number => Math.floor(random() * count)
  const network = pick(3) === 0 ? 'laptops' : 'phones'
  const client = network === 'laptops' ? `10.2.0.${pick(200)}` : `10.1.${pick(10)}.${pick(200)}`
  const qname = NAMES[pick(NAMES.length)]!
  const [verdict, rule, outcome] = decide(at, letter, isPaused, network, client, qname)
  const pattern = qname.endsWith('clipcdn.example') ? 'clipcdn.example' : 'clip.example'
  const record = {
    ...{ v: 1, time: new Date(at).toISOString(), ...version, client, network, protocol: 'udp' },
    ...{ qname, qtype: 'A', rcode: verdict === 'blocked' ? 'NXDOMAIN' : 'NOERROR', verdict },
    ...{ match: 'qname', ...rule, pattern, source: 'networks.yaml', us: 9 }
  } as QueryRecord
  return { record, at, outcome }
}

type Decision = [verdict: string, rule: object, EnforcementOutcome]

function decide(
  at: Milliseconds,
  letter: Letter,
  isPaused: boolean,
  network: string,
  client: string,
  qname: string
): Decision {
  const open = (outcome: EnforcementOutcome): Decision => ['forwarded', {}, outcome]
  if (letter === 'f') return open('not known')
  if (letter === 'b') return isPaused ? open('absent') : ['blocked', { block: 'clips' }, 'blocked']
  if (letter === 'g' && network === 'laptops') return open('absent')
  const isPress = client.startsWith('10.1.9.') && qname === 'www.clip.example'
  const isLab = client.startsWith('10.1.8.') && qname === 'api.clip.example'
  if (isPress || isLab) return ['allowed', { exception: isPress ? 'press' : 'lab' }, 'exempt']
  if (letter === 'c') return ['monitored', { ban: BAN }, 'monitored']
  if (letter === 'd' && new Date(at).getUTCHours() >= 12) return open('outside hours')
  return ['blocked', { ban: BAN }, 'blocked']
}

/** Mulberry32: numbers from 0 to 1, the same for the same seed. */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
