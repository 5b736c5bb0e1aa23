import { cpus, release, totalmem, type } from 'node:os'
import type { Peer } from '../peers/peer.js'
import { showMegabytes } from './numbers.js'
import { PACKAGE } from './place.js'
import { run } from './processes.js'

/** Under what conditions the numbers were taken. */
export interface Machine {
  readonly date: string
  readonly commit: string
  readonly processor: string
  readonly kernel: string
  readonly memory: string
  readonly node: string
  /** Peer to version. */
  readonly versions: ReadonlyMap<string, string>
}

export async function describeMachine(peers: readonly Peer[]): Promise<Machine> {
  const commit = await run(['git', 'rev-parse', '--short', 'HEAD'], { folder: PACKAGE })
  const changes = await run(['git', 'status', '--porcelain'], { folder: PACKAGE })
  const model = cpus()[0]?.model ?? 'unknown processor'
  const versions = new Map<string, string>()
  for (const peer of peers) {
    if (peer.version !== undefined) versions.set(peer.name, await versionOf(peer.version))
  }
  return {
    date: new Date().toISOString().slice(0, 16).replace('T', ' ') + ' UTC',
    commit: (commit.stdout.trim() || 'unknown') + (changes.stdout === '' ? '' : ' with changes'),
    processor: `${cpus().length} x ${model}`,
    kernel: `${type()} ${release()}`,
    memory: showMegabytes(totalmem()),
    node: process.version,
    versions
  }
}

/** The first thing that looks like a version in what the program prints. */
async function versionOf(command: readonly string[]): Promise<string> {
  const { stdout, stderr } = await run(command, { limit: 10_000 })
  return /\d+\.\d+(\.\d+)?/.exec(stdout + stderr)?.[0] ?? 'unknown'
}
