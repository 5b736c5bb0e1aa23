import type { Command } from 'commander'
import { SCOPES } from '../../admin/tokens/scopes.js'
import { examples, type Context } from './context.js'

/** Commands for the tokens of the HTTP API. */
export function addTokenCommands(program: Command, { io, done }: Context): void {
  program.commandsGroup('HTTP API:')
  const token = program.command('token').description('Create, list and revoke HTTP API tokens')
  examples(token, 'token create --name grafana --scope read', 'token revoke grafana')

  const create = token
    .command('create')
    .summary('Create a token and show it once')
    .description(
      'Create a token and print it. Only its hash is stored, so it cannot be shown again.'
    )
    .requiredOption('--name <name>', 'name for lists and the service log')
    .requiredOption('--scope <scopes...>', `what it permits: ${SCOPES.join(', ')}`)
    .option('--expires <duration>', 'lifetime, such as 12h or 90d', '90d')
    .option('--json', 'print JSON')
    .action(async (_options, command: Command) => {
      const { createToken } = await import('../commands/gateway/token.js')
      done(await createToken(command.optsWithGlobals(), io))
    })
  create.options.find(({ long }) => long === '--scope')!.argChoices = [...SCOPES]
  examples(
    create,
    'token create --name grafana --scope read',
    'token create --name deploy --scope read,policy --expires 7d'
  )

  const list = token
    .command('list')
    .description('List tokens with their scopes and expiry')
    .option('--json', 'print JSON')
    .action(async (_options, command: Command) => {
      const { listTokens } = await import('../commands/gateway/token.js')
      done(await listTokens(command.optsWithGlobals(), io))
    })
  examples(list, 'token list', 'token list --json')

  const revoke = token
    .command('revoke')
    .summary('Revoke a token immediately')
    .description('Revoke a token. A running gateway refuses it within a second.')
    .argument('<name>', 'name of the token')
    .option('--json', 'print JSON')
    .action(async (name: string, _options, command: Command) => {
      const { revokeToken } = await import('../commands/gateway/token.js')
      done(await revokeToken(name, command.optsWithGlobals(), io))
    })
  examples(revoke, 'token revoke grafana', 'token revoke deploy --json')
}
