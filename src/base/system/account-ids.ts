import { readFileSync } from 'node:fs'

/** Names and numbers of local users, or of groups. */
export class AccountIds {
  private readonly names = new Map<number, string>()
  private readonly ids = new Map<string, number>()

  /** @param file `/etc/passwd` or `/etc/group`; without it, none is known */
  constructor(file: string) {
    for (const line of linesOf(file)) {
      const [name, , id] = line.split(':')
      if (name === undefined || !/^\d+$/.test(id ?? '')) continue
      if (!this.names.has(Number(id))) this.names.set(Number(id), name)
      this.ids.set(name, Number(id))
    }
  }

  /** The name of a number; empty: it has none. */
  nameOf(id: number): string {
    return this.names.get(id) ?? ''
  }

  /** The number that a name has here, otherwise the number that it had elsewhere. */
  idOf(name: string, otherwise: number): number {
    return this.ids.get(name) ?? otherwise
  }
}

function linesOf(file: string): readonly string[] {
  try {
    return readFileSync(file, 'utf8').split('\n')
  } catch {
    return []
  }
}
