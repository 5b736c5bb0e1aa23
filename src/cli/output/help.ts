import type { Command } from 'commander'
import { didYouMean } from '../../policy/yaml/closest.js'

export const HELP = 'help'

/** `help` for the program, and for each command that has commands of its own. */
export function addHelpCommands(program: Command): void {
  const groups = program.commands.filter(({ commands }) => commands.length > 0)
  for (const group of [program, ...groups]) {
    group
      .helpCommand(false)
      .command(`${HELP} [command...]`)
      .description('Show help for a command')
      .helpGroup('Help:')
      .helpOption(false)
      .action((path: readonly string[]) => find(group, path).help())
  }
}

/** The command at a path such as `bundle create`; an unknown one ends the command with an error. */
function find(from: Command, path: readonly string[]): Command {
  return path.reduce((parent, name) => {
    const known = parent.commands.map(command => command.name())
    const at = known.indexOf(name)
    if (at !== -1) return parent.commands[at]!
    return parent.error(`error: unknown command '${name}'${didYouMean(name, known)}`)
  }, from)
}
