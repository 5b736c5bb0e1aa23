import type { Command } from 'commander'

/** `interdict bundle` and the commands within it. */
export function addBundle(program: Command): void {
  const bundle = program.command('bundle').description('pack a rules folder into one signed file')

  bundle
    .command('create', { isDefault: true })
    .description(
      'check a rules folder, pack and sign it; `interdict bundle DIR -o FILE` is the same'
    )
    .argument('<folder>', 'rules folder')
    .requiredOption('-o, --output <file>', 'the bundle')
    .option('-k, --key <file>', 'sign it with this private key')
    .option('--serial <number>', 'whole number, higher than of all before (default: the time)')
    .option('--days <number>', 'until it expires for gateways that do not have it yet', '90')
    .action(async (folder: string, _options, command: Command) => {
      const { create } = await import('./bundle-create.js')
      await create(folder, command.optsWithGlobals())
    })

  bundle
    .command('sign')
    .description('add a signature to a bundle')
    .argument('<file>', 'the bundle')
    .requiredOption('-k, --key <file>', 'private key')
    .action(async (file: string, _options, command: Command) => {
      const { sign } = await import('./bundle-sign.js')
      await sign(file, command.optsWithGlobals())
    })

  bundle
    .command('keygen')
    .description('make a pair of keys: the private one in a file, the public one for the settings')
    .argument('<file>', 'file of the private key, which must not be there yet')
    .action(async (file: string) => {
      const { keygen } = await import('./bundle-sign.js')
      await keygen(file)
    })

  bundle
    .command('show')
    .description('say what a bundle is, who has signed it, and which files it has')
    .argument('<file>', 'the bundle')
    .option('--json', 'as JSON')
    .action(async (file: string, _options, command: Command) => {
      const { show } = await import('./bundle-show.js')
      await show(file, command.optsWithGlobals())
    })

  bundle
    .command('verify')
    .description('say whether a bundle is whole, in date, and signed with trusted keys')
    .argument('<file>', 'the bundle')
    .requiredOption('-k, --key <key...>', 'trusted public keys, as in settings')
    .option('-s, --signatures <number>', 'how many of them have to have signed it', '1')
    .action(async (file: string, _options, command: Command) => {
      const { verify } = await import('./bundle-show.js')
      await verify(file, command.optsWithGlobals())
    })
}
