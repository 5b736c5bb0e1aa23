import { Argument, type Command } from 'commander'
import { print } from '../io.js'
import { EXIT, usageError } from '../exit.js'
import { examples, type Context } from './context.js'

/** `completion`: prints a script by which a shell completes the words of the program. */
export function addCompletionCommand(program: Command, { io, done }: Context): void {
  const shells = ['bash', 'zsh', 'fish']
  const shell = new Argument('<shell>', 'bash, zsh or fish')
  shell.argChoices = shells
  const completion = program
    .command('completion')
    .helpGroup('Help:')
    .summary('Print a completion script for a shell')
    .description('Print a script that completes commands and options in bash, zsh or fish.')
    .addArgument(shell)
    .action(async (shell: string) => {
      const { completionScript } = await import('../completion/script.js')
      const script = completionScript(shell, program)
      if (script === undefined) usageError(`<shell>: ${shell} is not one of ${shells.join(', ')}`)
      print(io, script)
      done(EXIT.success)
    })
  examples(
    completion,
    'completion bash > /etc/bash_completion.d/interdict',
    'completion fish > ~/.config/fish/completions/interdict.fish'
  )
}
