import type { Command } from 'commander'

/** `interdict rollback`. */
export function addRollback(program: Command): void {
  program
    .command('rollback')
    .description('go back to a bundle that was accepted here before, at once')
    .option('--to <serial>', 'to this one, instead of the one before that in force')
    .option('--list', 'only say which there are')
    .option('--dry-run', 'only say what would change, as diff does')
    .option('--examples <number>', 'how many names to show of each change', '5')
    .option('--json', 'with --list or --dry-run: as JSON')
    .action(async (_options, command: Command) => {
      const { rollback } = await import('./rollback.js')
      await rollback(command.optsWithGlobals())
    })
}
