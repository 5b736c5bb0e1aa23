import type { Command } from 'commander'
import { bashScript } from './bash.js'
import { fishScript } from './fish.js'
import { places } from './tree.js'
import { zshScript } from './zsh.js'

/** The completion script of a shell; undefined for an unknown shell. */
export function completionScript(shell: string, program: Command): string | undefined {
  const all = places(program)
  if (shell === 'bash') return bashScript(all)
  if (shell === 'zsh') return zshScript(all)
  return shell === 'fish' ? fishScript(all) : undefined
}
