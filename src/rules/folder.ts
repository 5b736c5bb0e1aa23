import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { isAbsolute, join, parse, relative, resolve, sep } from 'node:path'

export type FileResult =
  | { readonly octets: Uint8Array }
  /** Why the file cannot be read, in the system's words. */
  | { readonly why: string }

/** What the system lacks, or fails at, with a file that is as it was: it can be read later. */
const PASSING = ['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN', 'EIO', 'ESTALE', 'ETIMEDOUT']

/**
 * A rules folder while it is being read. Each file is read once, whole, so that whatever is made of
 * it is made of one state of it; what was read (or was not there to be read) is remembered.
 */
export class Folder {
  private readonly contents = new Map<string, Uint8Array>()
  private readonly seen: Set<string>
  /** Whether something could not be read only because the system had not what it takes. */
  starved = false

  constructor(private readonly path: string) {
    this.seen = new Set([path])
  }

  /** @param name of a file, as rules write it: relative to the folder, with `/` */
  async read(name: string): Promise<FileResult> {
    const path = resolve(this.path, name)
    this.seen.add(path)
    try {
      const octets = this.contents.get(name) ?? (await readFile(path))
      this.contents.set(name, octets)
      return { octets }
    } catch (error) {
      return this.fail(error)
    }
  }

  /** Names of the files in a folder within, sorted; none if there is no such folder. */
  async list(name: string): Promise<readonly string[] | { readonly why: string }> {
    const path = join(this.path, name)
    this.seen.add(path)
    try {
      return (await readdir(path)).sort()
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'ENOENT' ? [] : this.fail(error)
    }
  }

  /** A file's name as messages show it, so that an editor finds it from the working folder. */
  shown(name: string): string {
    const fromHere = relative('', resolve(this.path, name))
    const atRoot = process.cwd() === parse(process.cwd()).root
    const outside = atRoot || fromHere.startsWith(`..${sep}`) || isAbsolute(fromHere)
    return outside ? resolve(this.path, name) : fromHere
  }

  /** Every file and folder that was read, or looked for. */
  get files(): readonly string[] {
    return [...this.seen]
  }

  /** SHA-256 over names and octets of all files read, whatever the order of reading; hex. */
  get sha256(): string {
    const hash = createHash('sha256')
    for (const name of [...this.contents.keys()].sort()) {
      const octets = this.contents.get(name)!
      hash.update(`${name}\0${octets.length}\0`).update(octets)
    }
    return hash.digest('hex')
  }

  private fail(error: unknown): { readonly why: string } {
    const { code = '', message } = error as NodeJS.ErrnoException
    this.starved ||= PASSING.includes(code)
    return { why: code === 'ENOENT' ? 'there is no such file' : message }
  }
}
