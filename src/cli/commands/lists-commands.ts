import type { Command } from 'commander'

/** `interdict lists` and the commands within it. */
export function addLists(program: Command): void {
  const lists = program
    .command('lists')
    .description('say which lists there are, fetch them anew, or take what is held back')

  lists
    .command('show', { isDefault: true })
    .description('list them: source, entries, age, last try, state')
    .option('--json', 'as JSON')
    .action(async (_options, command: Command) => {
      const { showLists } = await import('./lists.js')
      await showLists(command.optsWithGlobals())
    })

  lists
    .command('update')
    .description(
      'fetch lists that have a url, and transfer zones, now; a running gateway takes what is newer'
    )
    .argument('[ids...]', 'only these')
    .action(async (ids: readonly string[], _options, command: Command) => {
      const { updateLists } = await import('./lists-update.js')
      await updateLists(ids, command.optsWithGlobals())
    })

  lists
    .command('confirm')
    .description('take what is held back of a list because it is so much shorter')
    .argument('<id>', 'id of the list')
    .action(async (id: string, _options, command: Command) => {
      const { confirmList } = await import('./lists.js')
      await confirmList(id, command.optsWithGlobals())
    })
}
