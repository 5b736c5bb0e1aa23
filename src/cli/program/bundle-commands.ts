import type { Command } from 'commander'
import { examples, type Context } from './context.js'

/** Commands for signed rule bundles. */
export function addBundleCommands(program: Command, { io, done }: Context): void {
  program.commandsGroup('Bundles:')
  addBundle(program, { io, done })

  const rollback = program
    .command('rollback')
    .summary('Return to a bundle that was accepted earlier')
    .description(
      'Return to a bundle that was accepted earlier. A running gateway switches at once.'
    )
    .option('--to <serial>', 'the bundle to return to (default: the one before that in force)')
    .option('--list', 'only list the bundles that are kept')
    .option('--dry-run', 'only show what would change, as diff does')
    .option('--examples <number>', 'with --dry-run: names to show for each change', '5')
    .option('--user <name>', 'who wants it, for the record (default: the user)')
    .option('--json', 'print JSON')
    .action(async (_options, command: Command) => {
      const { rollback } = await import('../commands/rules/rollback.js')
      done(await rollback(command.optsWithGlobals(), io))
    })
  examples(rollback, 'rollback --list', 'rollback --to 41 --dry-run')
}

function addBundle(program: Command, { io, done }: Context): void {
  const bundle = program
    .command('bundle')
    .description('Create, sign and verify signed rule bundles')
  examples(
    bundle,
    'bundle rules/ -o rules.bundle -k sign.pem',
    'bundle verify rules.bundle --trust PUBLIC-KEY'
  )

  const create = bundle
    .command('create', { isDefault: true })
    .summary('Check a rules folder, pack and sign it')
    .description(
      'Check a rules folder, pack and sign it. `interdict bundle DIR -o FILE` does the same.'
    )
    .argument('<folder>', 'rules folder')
    .requiredOption('-o, --output <file>', 'bundle to write')
    .option('-k, --key <file>', 'private key to sign with')
    .option('--serial <number>', 'serial, higher than all before (default: Unix time)')
    .option('--days <number>', 'days until gateways no longer accept it', '90')
    .option('--json', 'print JSON')
    .action(async (folder: string, _options, command: Command) => {
      const { create } = await import('../commands/rules/bundle-create.js')
      done(await create(folder, command.optsWithGlobals(), io))
    })
  examples(
    create,
    'bundle create rules/ -o rules.bundle -k sign.pem',
    'bundle create rules/ -o rules.bundle --serial 42 --days 30'
  )

  const sign = bundle
    .command('sign')
    .description('Add a signature to a bundle')
    .argument('<file>', 'bundle')
    .requiredOption('-k, --key <file>', 'private key')
    .option('--json', 'print JSON')
    .action(async (file: string, _options, command: Command) => {
      const { sign } = await import('../commands/rules/bundle-sign.js')
      done(await sign(file, command.optsWithGlobals(), io))
    })
  examples(
    sign,
    'bundle sign rules.bundle -k second.pem',
    'bundle sign rules.bundle --key /etc/interdict/sign.pem'
  )

  const keygen = bundle
    .command('keygen')
    .summary('Generate a key pair')
    .description(
      'Generate a key pair: writes the private key to a new file, prints the public key.'
    )
    .argument('<file>', 'private key file; must not exist yet')
    .option('--json', 'print JSON')
    .action(async (file: string, _options, command: Command) => {
      const { keygen } = await import('../commands/rules/bundle-sign.js')
      done(await keygen(file, command.optsWithGlobals(), io))
    })
  examples(keygen, 'bundle keygen sign.pem', 'bundle keygen /etc/interdict/chain.pem')

  const show = bundle
    .command('show')
    .description('Show serial, dates, signatures and files of a bundle')
    .argument('<file>', 'bundle')
    .option('--json', 'print JSON')
    .action(async (file: string, _options, command: Command) => {
      const { show } = await import('../commands/rules/bundle-show.js')
      done(await show(file, command.optsWithGlobals(), io))
    })
  examples(show, 'bundle show rules.bundle', 'bundle show rules.bundle --json')

  const verify = bundle
    .command('verify')
    .description('Verify that a bundle is intact, current and signed by trusted keys')
    .argument('<file>', 'bundle')
    .requiredOption('--trust <keys...>', 'trusted public keys, or files with one each')
    .option('--signatures <number>', 'number of trusted signatures required', '1')
    .option('--json', 'print JSON')
    .action(async (file: string, _options, command: Command) => {
      const { verify } = await import('../commands/rules/bundle-show.js')
      done(await verify(file, command.optsWithGlobals(), io))
    })
  examples(
    verify,
    'bundle verify rules.bundle --trust PUBLIC-KEY',
    'bundle verify rules.bundle --signatures 2 --trust FIRST-KEY SECOND-KEY'
  )
}
