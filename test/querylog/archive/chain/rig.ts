import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import { generateKeys, readPublicKey } from '../../../../src/base/files/ed25519.js'
import type { ChainOptions } from '../../../../src/lookups/chain/chain.js'
import { verifyLog, type Verification } from '../../../../src/lookups/chain/verify.js'
import { LogLayout } from '../../../../src/lookups/files/log-layout.js'
import { maintainArchive, type ArchiveOptions } from '../../../../src/lookups/archive/maintain.js'
import type { LogFields } from '../../../../src/base/log/service-log.js'

/** A key in a file of its own, and what goes with it. */
export function signKey(t: Test): { readonly options: ChainOptions; readonly publicKey: string } {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-key-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const { privatePem, publicKey } = generateKeys()
  const path = join(folder, 'sign.pem')
  writeFileSync(path, privatePem)
  chmodSync(path, 0o600)
  return { options: { signKey: path, earlierKeys: [], checkpoint: 3_600_000 }, publicKey }
}

/** Runs maintenance once. @returns whether every step succeeded */
export async function tendOnce(path: string, wall: string, options: Partial<ArchiveOptions>) {
  const told: { level: string; fields: LogFields; message: string }[] = []
  const at = (level: string) => (fields: LogFields, message: string) =>
    void told.push({ level, fields, message })
  const log = { info: at('info'), warn: at('warn'), error: at('error') }
  const all = { path, threads: 1, parquet: true, chain: undefined, keep: undefined, ...options }
  return { done: await maintainArchive(all, Date.parse(wall), log), told }
}

export function verified(
  path: string,
  publicKey: string,
  expected?: string
): Promise<Verification> {
  return verifyLog(new LogLayout(path), [readPublicKey(publicKey)!], expected)
}

export const chainOf = (path: string): string => join(dirname(path), 'chain.jsonl')

/** Lines of the chain without their line ends. */
export function linesOf(path: string): string[] {
  return readFileSync(chainOf(path), 'utf8').split('\n').slice(0, -1)
}

export function writeLines(path: string, lines: readonly string[]): void {
  writeFileSync(chainOf(path), lines.map(line => `${line}\n`).join(''))
}

/** What happened, one line per entry: `file queries-...`. */
export function kindsOf(path: string): string[] {
  return linesOf(path).map(line => (JSON.parse(line) as { kind: string }).kind)
}
