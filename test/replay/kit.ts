import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { compile } from '../../src/policy/compile/compile.js'
import {
  Comparison,
  CHANGE_KINDS,
  type ComparisonOptions
} from '../../src/analysis/replay/comparison.js'
import type { Format } from '../../src/analysis/replay/formats/formats.js'
import { Judge } from '../../src/analysis/replay/rule-judge.js'
import { replayLog, type ReadLog } from '../../src/analysis/replay/replay.js'
import type { Snapshot } from '../../src/policy/tables/snapshot.js'
import { loadRules } from '../../src/policy/rules/load.js'
import type { RuleSet } from '../../src/policy/rules/model/types.js'

/** Two networks; in one of them a ban that begins in March 2023, and an exception to it. */
export const RULES = `
networks:
  phones:
    prefixes: [10.20.0.0/16, 127.0.0.0/8, '::1']
    bans:
      - id: clip
        names: [clip.example, tiktok.com]
        authority: Office
        reference: decision
        from: 2023-03-10
    exceptions:
      - id: press
        names: [clip.example]
        prefixes: [10.20.7.0/28]
        purpose: press
        approved-by: head
        from: 2023-03-10
        until: 2023-06-30
    block: [tracker.example]
  guests:
    prefixes: [10.30.0.0/16]
`

export const FIXTURES = 'test/replay/fixtures'
const NOW = 1_800_000_000

export async function rulesOf(t: Test, networks: string): Promise<RuleSet> {
  const folder = temporary(t)
  mkdirSync(join(folder, 'apps'))
  writeFileSync(join(folder, 'networks.yaml'), networks)
  const loaded = await loadRules(folder)
  if (!loaded.ok) throw loaded.errors[0] ?? new Error('no rules')
  return loaded.rules
}

/** Rules that were compiled before, by their text: most tests have the same ones. */
const compiled = new Map<string, { readonly set: RuleSet; readonly snapshot: Snapshot }>()

async function compiledRules(t: Test, networks: string) {
  const known = compiled.get(networks)
  if (known !== undefined) return known
  const set = await rulesOf(t, networks)
  const result = { set, snapshot: compile(set, { generation: 1, random: () => 7 }) }
  compiled.set(networks, result)
  return result
}

export function temporary(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-replay-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A file with this text. */
export function logOf(t: Test, text: string | Uint8Array): string {
  const file = join(temporary(t), 'a.log')
  writeFileSync(file, text)
  return file
}

interface Replaying extends Partial<ComparisonOptions> {
  readonly rules?: string
  readonly against?: string
  readonly format?: Format
  /** What the log is in seconds since 1970 when undated lines are read. */
  readonly now?: number
}

export interface Replayed {
  readonly read: ReadLog
  readonly comparison: Comparison
  readonly changes: readonly string[]
}

/** Replays one log, and says what changed: `blocked 127.0.0.1 v16.tiktok.com A: answered -> …`. */
export async function replayed(
  t: Test,
  file: string,
  { rules = RULES, against, format, ...options }: Replaying = {}
): Promise<Replayed> {
  const comparison = new Comparison({
    at: undefined,
    now: NOW,
    network: undefined,
    examples: 100,
    random: () => 7,
    ...options
  })
  const judge = async (networks: string): Promise<Judge> => {
    const { set, snapshot } = await compiledRules(t, networks)
    return new Judge(set, snapshot, comparison.names)
  }
  const before = against === undefined ? undefined : await judge(against)
  comparison.judgeBy(await judge(rules), before)
  const read = await replayLog(file, comparison, { format, zone: 'UTC', now: NOW })
  comparison.close()
  const changes = CHANGE_KINDS.flatMap(kind =>
    comparison.tallies[kind].reasons.flatMap(({ examples }) =>
      examples.map(
        ({ client, name, type, was, is }) => `${kind} ${client} ${name} ${type}: ${was} -> ${is}`
      )
    )
  )
  return { read, comparison, changes }
}

/** A line of our own log, with what differs from an ordinary one. */
export function ownLine(more: Readonly<Record<string, string | undefined>> = {}): string {
  const fields = {
    v: 1,
    time: '2023-05-01T09:26:53.589Z',
    generation: 7,
    sha256: '9f86d081884c',
    client: '10.20.3.4',
    network: 'phones',
    protocol: 'udp',
    qname: 'www.example',
    qtype: 'A',
    rcode: 'NOERROR',
    verdict: 'forwarded',
    ...more,
    us: 9
  }
  return `${JSON.stringify(fields)}\n`
}
