import type { Command } from 'commander'
import { addEditOptions } from './add-commands.js'
import { choice, examples, type Context } from './context.js'

/** Roles of names. Their schema takes too long to load for every command. */
const ROLES = ['app', 'api', 'cdn', 'telemetry', 'web', 'shared']

const REQUESTER = 'who requests it (default: the user of this process)'

/** What commands on an offered catalogue have in common. */
const offered = (command: Command): Command =>
  command
    .argument('[file]', 'catalogue bundle, instead of the one in the settings')
    .option('--json', 'print JSON')

/** Commands on the catalogue of apps. */
export function addCatalogueCommands(program: Command, context: Context): void {
  const { io, done } = context
  const catalogue = program
    .command('catalogue')
    .summary('Update the catalogue of apps, and preview updates')
    .description('Update the catalogue of apps, preview updates, and go back to earlier versions')
  examples(catalogue, 'catalogue', 'catalogue preview')

  const show = catalogue
    .command('show', { isDefault: true })
    .description('Show the catalogue in force, the last update, and new names')
    .option('--json', 'print JSON')
    .action(async (_options, command: Command) => {
      const { show } = await import('../commands/catalogue/catalogue-versions.js')
      done(await show(command.optsWithGlobals(), io))
    })
  examples(show, 'catalogue show', 'catalogue show --json')

  const update = offered(catalogue.command('update'))
    .summary('Accept the offered catalogue, if the rules with it pass all tests')
    .description(
      'Fetch the catalogue of the settings, and put it in force if it is signed, not older than the one in ' +
        'force, and the rules with it have no errors, pass their policy tests and satisfy all mandates. ' +
        'Otherwise the previous one remains in force, and the exit code is 1.'
    )
    .action(async (file: string | undefined, _options, command: Command) => {
      const { update } = await import('../commands/catalogue/catalogue-update.js')
      done(await update(file, command.optsWithGlobals(), io))
    })
  examples(update, 'catalogue update', 'catalogue update apps.catalogue')

  const preview = offered(catalogue.command('preview'))
    .summary('Show what an update would change, without writing anything')
    .description(
      'Show which names an update would add to each app and remove, with evidence and collateral; what the ' +
        'rules would then change; and which lookups of the last week would be blocked once its names are enforced.'
    )
    .action(async (file: string | undefined, _options, command: Command) => {
      const { preview } = await import('../commands/catalogue/catalogue-update.js')
      done(await preview(file, command.optsWithGlobals(), io))
    })
  examples(preview, 'catalogue preview', 'catalogue preview apps.catalogue --json')

  const rollback = catalogue
    .command('rollback')
    .summary('Put an earlier catalogue in force')
    .description(
      'Put the catalogue before the one in force into force, or with --to another one that was accepted here. ' +
        'It stays until a newer one than all of them is offered.'
    )
    .option('--to <serial>', 'serial of an accepted catalogue')
    .option('--user <name>', REQUESTER)
    .option('--json', 'print JSON')
    .action(async (_options, command: Command) => {
      const { rollback } = await import('../commands/catalogue/catalogue-versions.js')
      done(await rollback(command.optsWithGlobals(), io))
    })
  examples(rollback, 'catalogue rollback', 'catalogue rollback --to 1796120448')

  const pin = catalogue
    .command('pin')
    .summary('Keep one version of the catalogue')
    .description(
      'Keep the version in force, or another accepted one, whatever is offered. The setting ' +
        'catalogue.version does the same and has precedence.'
    )
    .argument('[version]', 'version of an accepted catalogue (default: the one in force)')
    .option('--off', 'follow newer versions again')
    .option('--user <name>', REQUESTER)
    .option('--json', 'print JSON')
    .action(async (version: string | undefined, _options, command: Command) => {
      const { pin } = await import('../commands/catalogue/catalogue-versions.js')
      done(await pin(version, command.optsWithGlobals(), io))
    })
  examples(pin, 'catalogue pin', 'catalogue pin 2026.12.01')

  addAccept(catalogue, context)
}

function addAccept(catalogue: Command, { io, done }: Context): void {
  const accept = catalogue
    .command('accept')
    .summary("List a new name in the site's own file of an app")
    .description(
      'List a name, such as one of "interdict report new-names", in the site\'s own file of an app, with its ' +
        'evidence in the query log and the date. Shows the changed lines, and what the rules then change, as ' +
        '"interdict plan" does; then asks, and writes the file. Comments and the order of the file stay.'
    )
    .argument('<name>', 'the name and all below it; =name: exactly this')
    .requiredOption('--app <id>', 'app that the name belongs to')
    .option('--evidence <texts...>', 'evidence from elsewhere, such as a URL or a ticket')
    .addOption(choice('--role <role>', 'what it is for', ROLES))
    .option('-l, --log <file>', 'query log, or its folder (default: the one in the settings)')
    .option('--since <time>', 'from when on the name must be new (default: a week ago)')
    .option('--user <name>', 'who accepts it (default: the user of this process)')
  addEditOptions(accept)
  accept.action(async (name: string, _options, command: Command) => {
    const { accept } = await import('../commands/catalogue/catalogue-accept.js')
    done(await accept(name, command.optsWithGlobals(), io))
  })
  examples(
    accept,
    'catalogue accept api.clip.example --app tiktok --dry-run',
    'catalogue accept =api.clip.example --app tiktok --evidence "ticket 12" --yes'
  )
}
