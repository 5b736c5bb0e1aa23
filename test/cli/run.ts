import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import { run } from '../../src/cli/run.js'

/** What a command printed, and its exit code. */
export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** The packed program, as it is shipped. */
export const PROGRAM = 'dist/bundle/bin/interdict.js'

/** Colours are for terminals alone, whatever the environment says. */
const ENV = { ...process.env, FORCE_COLOR: '1', NO_COLOR: undefined }

/** What a command writes to a pipe or terminal that takes everything. */
export class Output {
  text = ''

  /** @param columns of a terminal; undefined for a pipe */
  constructor(readonly columns?: number) {}

  write(text: string): boolean {
    this.text += text
    return true
  }

  once(): void {
    // Never full.
  }
}

/** Runs `interdict` with these words in this process, its output going to pipes. */
export async function interdict(...words: string[]): Promise<Ran> {
  const [stdout, stderr] = [new Output(), new Output()]
  const code = await runIn(words, stdout, stderr)
  return { code, out: stdout.text, err: stderr.text }
}

/** As `interdict`, on a terminal with so many columns and without colours. */
export async function onTerminal(columns: number, ...words: string[]): Promise<Ran> {
  const [stdout, stderr] = [new Output(columns), new Output()]
  const code = await runIn(words, stdout, stderr)
  return { code, out: stdout.text, err: stderr.text }
}

/** The same with `2>&1`: `out` is all output in order. */
export async function combinedOutput(
  columns: number,
  ...words: string[]
): Promise<Pick<Ran, 'code' | 'out'>> {
  const output = new Output(columns)
  const code = await runIn(words, output, output)
  return { code, out: output.text }
}

function runIn(words: readonly string[], stdout: Output, stderr: Output): Promise<number> {
  const exit = (code: number): never => {
    throw new Error(`exit ${code} outside of a signal`)
  }
  return run(words, { stdout, stderr, env: ENV, onSignal: () => () => undefined, exit })
}

/** Runs the packed program in a process of its own, its output going to pipes. */
export function spawned(...words: string[]): Promise<Ran> {
  return new Promise(resolve => {
    const options = { timeout: 600_000, env: ENV }
    // Without tap's hooks: loading them takes longer than most commands.
    const command = ['-u', 'NODE_OPTIONS', process.execPath, PROGRAM, ...words]
    execFile('env', command, options, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), out, err })
    })
  })
}

/**
 * Writes files into a new folder, which the end of the test removes.
 *
 * @returns the path of the settings file in it
 */
export function writeSite(t: Test, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-cli-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text, { mode: 0o600 })
  }
  return join(folder, 'interdict.yaml')
}

export const SETTINGS = 'rules: rules\nupstreams: { use-resolv-conf: false }\n'

/** A ban, its exception, a monitored, an expired and a future ban, an allow and a block rule. */
export const NETWORKS = `
networks:
  phones:
    prefixes: [10.20.0.0/16]
    bans:
      - id: federal
        apps: [clip]
        authority: Belgian federal government
        reference: National Security Council
        legal-basis: circular
        from: 2023-03-13
      - { id: trial, names: [trial.example], authority: Office, reference: test, mode: monitor }
      - { id: past, names: [past.example], authority: Office, reference: old, until: 2023-06-30 }
      - { id: coming, names: [coming.example], authority: Office, reference: new, from: 2040-01-01 }
    exceptions:
      - id: press
        apps: [clip]
        prefixes: [10.20.7.0/28]
        purpose: press office monitoring
        approved-by: head of security
        from: 2026-01-01
        until: 2035-12-31
    allow: [good.tracker.example]
    block: [tracker.example]
exceptions: { max-days: 3660 }
`

export const CLIP = 'app: clip\ntitle: Clip\nkind: app\nvendor: Example\nnames: [clip.example]\n'

export const FILES = {
  'interdict.yaml': SETTINGS,
  'rules/networks.yaml': NETWORKS,
  'rules/apps/clip.yaml': CLIP
} as const
