import type { Command } from 'commander'
import { examples, type Context } from './context.js'

/** Commands for alerts, scheduled reports and the files of the query log. */
export function addMaintenanceCommands(program: Command, { io, done }: Context): void {
  program.commandsGroup('Maintenance:')
  addAlerts(program, { io, done })
  addReports(program, { io, done })
  addBackup(program, { io, done })

  const log = program.command('log').description('Manage query log files')
  examples(log, "log remove queries-20261101T000000.000Z.jsonl --reason 'request 17'", 'log rotate')

  const rotate = log
    .command('rotate')
    .summary('Close the query log file, and begin another one')
    .description(
      'Close the file of the query log of the running gateway, and begin another one, unless it is empty. Closed files are archived and sent.'
    )
    .option('--timeout <ms>', 'how long to wait for the gateway, in milliseconds', '30000')
    .option('--json', 'print JSON')
    .action(async (_options, command: Command) => {
      const { rotate } = await import('../commands/log/log-rotate.js')
      done(await rotate(command.optsWithGlobals(), io))
    })
  examples(rotate, 'log rotate', 'log rotate --config /etc/interdict/interdict.yaml')

  const remove = log
    .command('remove')
    .summary('Delete closed query log files, recorded in the chain')
    .description('Delete closed query log files. The chain records who deleted them, when and why.')
    .argument('<file...>', 'paths, or names as verify-log prints them')
    .requiredOption('--reason <text>', 'reason to record in the chain')
    .option('--json', 'print JSON')
    .action(async (files: readonly string[], _options, command: Command) => {
      const { remove } = await import('../commands/log/log-remove.js')
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
    .option(
      '--trust <keys...>',
      'trusted public keys, or files with one each (default: from the settings)'
    )
    .option('--expect <sha256>', 'SHA-256 of a chain line, as the service log printed it')
    .option('--witness <files...>', 'receipts from elsewhere: time stamps, or logs with messages')
    .option('--tsa-ca <file>', 'certificates of the time-stamping authority, PEM')
    .option('--hub-key <keys...>', 'public keys of the hub of a fleet, or files with one each')
    .option('--fleet <folder>', 'central folder of a fleet, instead of a query log')
    .option('--keys <folder>', 'with --fleet: GATEWAY.pub of each gateway (default: keys in it)')
    .option('--json', 'print JSON')
    .action(async (log: string | undefined, _options, command: Command) => {
      const options = command.optsWithGlobals<{ fleet?: string }>()
      if (options.fleet !== undefined) {
        const { verifyFleetLogs } = await import('../commands/log/verify-fleet.js')
        return done(await verifyFleetLogs({ ...options, fleet: options.fleet }, io))
      }
      const { verifyLogFiles: verify } = await import('../commands/log/verify-log.js')
      done(await verify(log, command.optsWithGlobals(), io))
    })
  examples(verify, 'verify-log', 'verify-log /srv/log-copy --trust PUBLIC-KEY --tsa-ca tsa-ca.pem')
}

function addAlerts(program: Command, { io, done }: Context): void {
  const alerts = program.command('alerts').description('Test the webhooks that get alerts')
  examples(alerts, 'alerts test', 'alerts help test')

  const test = alerts
    .command('test')
    .summary('Send a test alert to every webhook of the settings')
    .description(
      'Send a test alert to every webhook of the settings, once. The exit code is 0 if all accept it. With --hub, the hub of a fleet sends it to the webhooks of hub.yaml.'
    )
    .option('--hub <socket>', 'socket of the hub whose webhooks to test')
    .option('--json', 'print JSON')
    .action(async (_options, command: Command) => {
      const { testAlerts } = await import('../commands/gateway/alerts-test.js')
      done(await testAlerts(command.optsWithGlobals(), io))
    })
  examples(
    test,
    'alerts test --config /etc/interdict/interdict.yaml --json',
    'alerts test --hub /etc/interdict/hub/hub.sock'
  )
}

function addReports(program: Command, { io, done }: Context): void {
  const reports = program.command('reports').description('List, send and test scheduled reports')
  examples(reports, 'reports list', 'reports send weekly')

  const list = reports
    .command('list')
    .description('List the stored reports, the latest first')
    .option('--json', 'print JSON')
    .action(async (_options, command: Command) => {
      const { listReports } = await import('../commands/analysis/reports.js')
      done(await listReports(command.optsWithGlobals(), io))
    })
  examples(list, 'reports list', 'reports list --json')

  const send = reports
    .command('send')
    .summary('Create, store and mail scheduled reports now')
    .description(
      'Make reports of the settings now, on the last complete period, store and mail them. Their schedule stays as it is.'
    )
    .argument('[name...]', 'names of reports (default: all)')
    .option('--json', 'print JSON')
    .action(async (names: readonly string[], _options, command: Command) => {
      const { sendReports } = await import('../commands/analysis/reports.js')
      done(await sendReports(names, command.optsWithGlobals(), io))
    })
  examples(send, 'reports send', 'reports send weekly')

  const run = reports
    .command('run')
    .summary('Create the reports that are due, as the gateway does')
    .description(
      'Make the reports that are due, store and mail them. The gateway runs this by itself; use it by hand where no gateway runs.'
    )
    .option('--json', 'print JSON')
    .action(async (_options, command: Command) => {
      const { runReports } = await import('../commands/analysis/reports.js')
      done(await runReports(command.optsWithGlobals(), io))
    })
  examples(run, 'reports run', 'reports run --json')

  const test = reports
    .command('test')
    .summary('Send a test mail to the recipients of every report')
    .description(
      'Send a test mail to the recipients of every report, once. The exit code is 0 if the mail server accepts all.'
    )
    .option('--json', 'print JSON')
    .action(async (_options, command: Command) => {
      const { testReports } = await import('../commands/analysis/reports.js')
      done(await testReports(command.optsWithGlobals(), io))
    })
  examples(test, 'reports test', 'reports test --config /etc/interdict/interdict.yaml')
}

const PASSPHRASE = 'file with the passphrase, mode 600 or 640'
const PRIVATE_KEY = 'private RSA key to decrypt with, PEM'

function addBackup(program: Command, { io, done }: Context): void {
  const backup = program
    .command('backup')
    .summary('Back up settings, rules and state, or check a backup')
    .description(
      'Write the settings, the files that they name, rules and state to one file with mode 0600, while the gateway ' +
        'runs. With --check, verify such a file, and check the settings and rules in it as "interdict check" does.'
    )
    .option('-o, --output <file>', 'backup to write; must not exist')
    .option('--query-log', 'include the query log')
    .option('--pseudonym-keys', 'include the keys that show who a pseudonym is')
    .option('--passphrase-file <file>', `encrypt: ${PASSPHRASE}`)
    .option('--recipient <file>', 'encrypt to this RSA public key or certificate, PEM')
    .option('--check <file>', 'check this backup instead')
    .option('--key <file>', `with --check: ${PRIVATE_KEY}`)
    .option('--json', 'print JSON')
    .action(async (_options, command: Command) => {
      const { backup } = await import('../commands/gateway/backup.js')
      done(await backup(command.optsWithGlobals(), io))
    })
  examples(
    backup,
    'backup -o /srv/backup/interdict.backup --recipient backup.pem',
    'backup --check /srv/backup/interdict.backup --key backup.key'
  )

  const restore = program
    .command('restore')
    .summary('Restore the files of a backup')
    .description(
      'Verify a backup, then restore its files with their modes and, as root, their owners. The gateway must not run.'
    )
    .argument('<file>', 'backup')
    .option('--force', 'move existing files, rules and state aside first')
    .option('--root <folder>', 'restore below this folder instead of /')
    .option('--passphrase-file <file>', PASSPHRASE)
    .option('--key <file>', PRIVATE_KEY)
    .option('--json', 'print JSON')
    .action(async (file: string, _options, command: Command) => {
      const { restoreBackup } = await import('../commands/gateway/restore.js')
      done(await restoreBackup(file, command.optsWithGlobals(), io))
    })
  examples(
    restore,
    'restore interdict.backup --passphrase-file passphrase.txt',
    'restore interdict.backup --key backup.key --root /tmp/restored'
  )
}
