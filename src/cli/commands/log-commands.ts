import type { Command } from 'commander'

/** `interdict log`, and what is done with the files of the query log. */
export function addLog(program: Command): void {
  const log = program.command('log').description('files of the query log')
  log
    .command('remove')
    .description(
      'remove closed files of the query log for good, and tell its chain by whom and why'
    )
    .argument('<file...>', 'their paths, or names as verify-log says them')
    .requiredOption('--reason <text>', 'why: it stands in the chain')
    .action(async (files: readonly string[], _options, command: Command) => {
      const { remove } = await import('./log-remove.js')
      await remove(files, command.optsWithGlobals())
    })
}
