import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Octets } from '../../base/units.js'
import {
  centralPath,
  filesIn,
  gatewayOf,
  historyFiles,
  parseCentralPath
} from './central-layout.js'
import { contentOf, parseState, replaces, type HistoryStateFile } from './history-layout.js'
import { isContent } from './packed-content.js'
import { PartialFile } from './partial-file.js'

/** Writes the files of gateways into the central folder. Paths are relative to it. Throws the system error. */
export class CentralFolder {
  constructor(readonly path: string) {}

  /** Whether a file is there, or newer ones replace it. */
  has(path: string): boolean {
    return existsSync(join(this.path, path)) || this.isReplaced(path)
  }

  /**
   * Writes a file, where its writer stopped. It is there when it has its digest, and then replaces files of lower
   * generations.
   *
   * @param from gives the content from an offset on
   * @returns whether it had the digest
   */
  async write(
    path: string,
    sha256: string,
    from: (offset: Octets) => AsyncIterable<Uint8Array>
  ): Promise<boolean> {
    const file = await this.open(path)
    try {
      for await (const octets of from(file.size)) await file.append(octets)
    } catch (error) {
      await file.close()
      throw error
    }
    return this.finish(path, file, sha256)
  }

  /** Opens a file where its writer stopped. */
  open(path: string): Promise<PartialFile> {
    return PartialFile.open(join(this.path, path), contentOf(path) !== undefined)
  }

  /** Ends what `open` began, as `write` does. */
  async finish(path: string, file: PartialFile, sha256: string): Promise<boolean> {
    const content = contentOf(path)
    // Gateways share contents: what does not have the digest of its name is refused.
    const isValid = content === undefined ? undefined : isContent(content)
    const isWhole = await file.finish(sha256, isValid)
    if (isWhole) await this.removeReplaced(path)
    return isWhole
  }

  private isReplaced(path: string): boolean {
    const state = parseState(basename(path))
    if (state !== undefined) return this.statesBeside(path).some(([, one]) => replaces(one, state))
    const file = parseCentralPath(path)
    if (file === undefined) return false
    const others = filesIn(this.path, file.day, file.gateway)
    return others.some(one => one.kind === 'parquet' && one.generation > file.generation)
  }

  /** States of the history beside a path, by their files. */
  private statesBeside(path: string): (readonly [string, HistoryStateFile])[] {
    const gateway = gatewayOf(path)
    const names = gateway === undefined ? [] : historyFiles(this.path, gateway)
    return names.flatMap(name => {
      const state = parseState(name)
      return state === undefined ? [] : [[join(dirname(path), name), state] as const]
    })
  }

  private async removeReplaced(path: string): Promise<void> {
    const state = parseState(basename(path))
    if (state !== undefined) {
      for (const [other, one] of this.statesBeside(path))
        if (replaces(state, one)) await rm(join(this.path, other), { force: true })
      return
    }
    const file = parseCentralPath(path)
    // The tally of a new generation arrives before its lookups.
    if (file?.kind !== 'parquet') return
    for (const one of filesIn(this.path, file.day, file.gateway)) {
      if (one.generation < file.generation)
        await rm(join(this.path, centralPath(one)), { force: true })
    }
  }
}
