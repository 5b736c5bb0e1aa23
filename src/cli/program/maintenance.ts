import type { Command } from 'commander'
import { examples, type Context } from './context.js'

/** Commands for alerts and for the files of the query log. */
export function addMaintenanceCommands(program: Command, { io, done }: Context): void {
  program.commandsGroup('Maintenance:')
  addAlerts(program, { io, done })

  const log = program.command('log').description('Manage query log files')
  examples(
    log,
    "log remove queries-20261101T000000.000Z.jsonl --reason 'request 17'",
    'log help remove'
  )

  const remove = log
    .command('remove')
    .summary('Delete closed query log files, recorded in the chain')
    .description('Delete closed query log files. The chain records who deleted them, when and why.')
    .argument('<file...>', 'paths, or names as verify-log prints them')
    .requiredOption('--reason <text>', 'reason to record in the chain')
    .option('--json', 'print JSON')
    .action(async (files: readonly string[], _options, command: Command) => {
      const { remove } = await import('../commands/log-remove.js')
      done(await remove(files, command.optsWithGlobals(), io))
    })
  examples(
    remove,
    "log remove queries-20261101T000000.000Z.jsonl --reason 'request 17'",
    "log remove log/archive/day=2026-11-01/*.parquet --reason 'court order 5/2026'"
  )

  const verify = program
    .command('verify-log')
    .summary('Verify that query log files are unaltered, by their chain')
    .description('Verify that the query log files are unaltered, by their hash chain.')
    .argument('[log]', 'query log, or its folder (default: the one in the settings)')
    .option('--trust <keys...>', 'trusted public keys (default: those in the settings)')
    .option('--expect <sha256>', 'SHA-256 of a chain line, as the service log printed it')
    .option('--json', 'print JSON')
    .action(async (log: string | undefined, _options, command: Command) => {
      const { verifyLogFiles: verify } = await import('../commands/verify-log.js')
      done(await verify(log, command.optsWithGlobals(), io))
    })
  examples(verify, 'verify-log', 'verify-log /srv/log-copy --trust PUBLIC-KEY')
}

function addAlerts(program: Command, { io, done }: Context): void {
  const alerts = program.command('alerts').description('Test the webhooks that get alerts')
  examples(alerts, 'alerts test', 'alerts help test')

  const test = alerts
    .command('test')
    .summary('Send a test alert to every webhook of the settings')
    .description(
      'Send a test alert to every webhook of the settings, once. The exit code is 0 if all accept it.'
    )
    .option('--json', 'print JSON')
    .action(async (_options, command: Command) => {
      const { testAlerts } = await import('../commands/alerts-test.js')
      done(await testAlerts(command.optsWithGlobals(), io))
    })
  examples(test, 'alerts test', 'alerts test --config /etc/interdict/interdict.yaml --json')
}
