import type { Command } from 'commander'
import { examples, type Context } from './context.js'

/** Commands for roots of trust: which keys may sign bundles, mandates and later roots. */
export function addRootCommands(program: Command, { io, done }: Context): void {
  const root = program
    .command('root')
    .summary('Rotate and revoke keys that gateways trust')
    .description('Rotate and revoke keys that gateways trust, with a signed root of trust.')
  examples(root, 'root show fleet.root', 'root help change')

  const init = root
    .command('init')
    .description('Write the first root of trust')
    .argument('<file>', 'root to write; must not exist yet')
    .requiredOption('--root-key <keys...>', 'public keys that sign later roots, or files')
    .requiredOption('--bundle-key <keys...>', 'public keys that sign bundles, or files')
    .option('--mandate-key <keys...>', 'public keys that sign mandates, or files')
    .option('--hub-key <keys...>', 'public keys with which the hub countersigns, or files')
    .option('--root-signatures <number>', 'signatures that a root needs', '1')
    .option('--signatures <number>', 'signatures that a bundle needs', '1')
    .option('--days <number>', 'days until a newer root is due', '365')
    .option('-k, --key <file...>', 'private root keys to sign with')
    .option('--json', 'print JSON')
    .action(async (file: string, _options, command: Command) => {
      const { initRoot } = await import('../commands/rules/root.js')
      done(await initRoot(file, command.optsWithGlobals(), io))
    })
  examples(
    init,
    'root init fleet.root --root-key root.pub --bundle-key office.pub -k root.pem',
    'root init fleet.root --root-key a.pub b.pub c.pub --root-signatures 2 --bundle-key office.pub'
  )

  const change = root
    .command('change')
    .summary('Write the next version of a root: add and revoke keys')
    .description(
      'Write the next version of a root. It needs signatures by root keys of both versions.'
    )
    .argument('<file>', 'root to change')
    .requiredOption('-o, --output <file>', 'next version; must not exist yet')
    .option(
      '--add <role=key...>',
      'public keys to add, or files: role root, bundle, mandate or hub'
    )
    .option('--revoke <keys...>', 'public keys that lose every role, or files')
    .option('--threshold <role=number...>', 'signatures that a role needs')
    .option(
      '--reset-serials [serial]',
      'accept bundles from this serial on (default: Unix time), whatever was accepted before'
    )
    .option('--days <number>', 'days until a newer root is due', '365')
    .option('-k, --key <file...>', 'private root keys to sign with')
    .option('--json', 'print JSON')
    .action(async (file: string, _options, command: Command) => {
      const { changeRoot } = await import('../commands/rules/root.js')
      done(await changeRoot(file, command.optsWithGlobals(), io))
    })
  examples(
    change,
    'root change fleet.root -o next.root --add bundle=new.pub -k root.pem',
    'root change fleet.root -o next.root --revoke stolen.pub --reset-serials -k root.pem'
  )

  const sign = root
    .command('sign')
    .description('Add signatures to a root')
    .argument('<file>', 'root')
    .requiredOption('-k, --key <file...>', 'private root keys')
    .option('--json', 'print JSON')
    .action(async (file: string, _options, command: Command) => {
      const { signRoot } = await import('../commands/rules/root.js')
      done(await signRoot(file, command.optsWithGlobals(), io))
    })
  examples(sign, 'root sign next.root -k second.pem', 'root sign next.root -k a.pem b.pem')

  const show = root
    .command('show')
    .summary('Show keys, expiry and signatures of a root')
    .description(
      'Show keys, expiry and signatures of a root, and with --after whether gateways accept it.'
    )
    .argument('<file>', 'root')
    .option(
      '--after <file>',
      'root that gateways have; the exit code is 1 if they refuse the new one'
    )
    .option('--json', 'print JSON')
    .action(async (file: string, _options, command: Command) => {
      const { showRoot } = await import('../commands/rules/root.js')
      done(await showRoot(file, command.optsWithGlobals(), io))
    })
  examples(show, 'root show next.root', 'root show next.root --after fleet.root')

  const publish = root
    .command('publish')
    .summary('Give a root to all gateways of a fleet')
    .description('Give a root to all gateways of a fleet, through the hub. Run it at the hub.')
    .argument('<file>', 'root, or a file with several versions')
    .option('-c, --config <file>', 'settings of the hub (default: hub.yaml here)')
    .option('--hub <socket>', 'socket of the hub (default: that of hub.yaml)')
    .option('--now', 'for stolen keys: although bundles in force lack the signatures; logged')
    .option('--json', 'print JSON')
    .action(async (file: string, _options, command: Command) => {
      const { publishRoot } = await import('../commands/fleet/root-publish.js')
      done(await publishRoot(file, command.optsWithGlobals(), io))
    })
  examples(publish, 'root publish next.root', 'root publish next.root --now')
}
