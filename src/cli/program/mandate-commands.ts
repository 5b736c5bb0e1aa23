import type { Command } from 'commander'
import { examples, type Context } from './context.js'

/** Commands for mandates: what an authority orders to be banned. */
export function addMandateCommands(program: Command, { io, done }: Context): void {
  program.commandsGroup('Mandates:')
  const mandate = program.command('mandate').description('Sign and check mandates of authorities')
  examples(
    mandate,
    'mandate sign mandates/be-federal.yaml -k authority.pem',
    'mandate check mandates/be-federal.yaml --trust PUBLIC-KEY'
  )

  const sign = mandate
    .command('sign')
    .summary('Validate a mandate, and sign it')
    .description(
      'Validate a mandate, and add a signature at its end. `interdict bundle keygen` makes the key.'
    )
    .argument('<file>', 'mandate')
    .requiredOption('-k, --key <file>', 'private key')
    .option('--json', 'print JSON')
    .action(async (file: string, _options, command: Command) => {
      const { signMandate } = await import('../commands/rules/mandate.js')
      done(await signMandate(file, command.optsWithGlobals(), io))
    })
  examples(
    sign,
    'mandate sign mandates/be-federal.yaml -k authority.pem',
    'mandate sign mandates/be-federal.yaml --key second.pem --json'
  )

  const check = mandate
    .command('check')
    .summary('Check a mandate, its signature, and whether rules satisfy it')
    .description(
      'Check a mandate, its signature, and whether rules satisfy it. The exit code is 1 if it is invalid, ' +
        'not signed by a trusted key, or not satisfied.'
    )
    .argument('<file>', 'mandate')
    .option(
      '--trust <keys...>',
      'trusted public keys, or files with one each (default: rules.mandates.keys)'
    )
    .option('--rules <rules>', 'rules folder or bundle instead of the one in the settings')
    .option('--no-rules', 'only check the file and its signature')
    .option('--json', 'print JSON')
    .action(async (file: string, _options, command: Command) => {
      const { checkMandate } = await import('../commands/rules/mandate.js')
      done(await checkMandate(file, command.optsWithGlobals(), io))
    })
  examples(
    check,
    'mandate check mandates/be-federal.yaml --trust PUBLIC-KEY --no-rules',
    'mandate check mandates/be-federal.yaml --rules new-rules/'
  )
}
