import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { failure, InterdictError } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'

/**
 * The copy of the rules folder that is in force while changes wait to be applied. It is replaced as a whole: a
 * crash meanwhile leaves the previous one.
 */
export class AppliedRules {
  private readonly next: string
  private readonly previous: string

  /** @param folder see `appliedFolder` in `rules-location.ts` */
  constructor(private readonly folder: string) {
    this.next = `${folder}.next`
    this.previous = `${folder}.previous`
  }

  get exists(): boolean {
    return existsSync(this.folder)
  }

  /** Copies saved files to be applied. @throws InterdictError RULES_APPLY */
  prepare(saved: string, files: readonly string[]): string {
    try {
      rmSync(this.next, { recursive: true, force: true })
      mkdirSync(this.next, { recursive: true, mode: 0o700 })
      for (const path of files) this.copy(saved, path)
    } catch (error) {
      if (error instanceof InterdictError) throw error
      throw failure('RULES_APPLY', this.next, reasonOf(error))
    }
    return this.next
  }

  private copy(saved: string, path: string): void {
    const name = relative(saved, path)
    // Rules with files elsewhere cannot be read.
    if (name === '' || name === '..' || name.startsWith(`..${sep}`)) return
    const to = join(this.next, name)
    mkdirSync(dirname(to), { recursive: true })
    try {
      copyFileSync(path, to)
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException
      // Folders, and files that were looked for and are not there.
      if (code !== 'ENOENT' && code !== 'EISDIR' && code !== 'ERR_FS_EISDIR') throw error
    }
  }

  /** Puts the prepared copy in place; `commit` or `revert` follows. */
  swap(): void {
    if (this.exists) renameSync(this.folder, this.previous)
    renameSync(this.next, this.folder)
  }

  commit(): void {
    rmSync(this.previous, { recursive: true, force: true })
  }

  /** Puts back the previous copy; if there was none, there is none again. */
  revert(): void {
    rmSync(this.folder, { recursive: true, force: true })
    if (existsSync(this.previous)) renameSync(this.previous, this.folder)
  }

  /** Ends what a crash has interrupted: a copy that was not committed is not in force. */
  recover(): void {
    if (existsSync(this.previous)) this.revert()
  }

  /** The folder itself is in force, so that no copy is valid any more. */
  remove(): void {
    // A state folder that cannot be used is no reason not to serve.
    for (const folder of [this.folder, this.previous].filter(existsSync))
      rmSync(folder, { recursive: true, force: true })
  }
}
