import { Argument, type Command } from 'commander'
import { FLEET_KEY, REPORT_KEYS } from '../../lookups/sql/report-keys.js'
import { TRANSPORTS } from '../../lookups/sql/lookup-filters.js'
import { choice, examples, TIME_ZONE, type Context } from './context.js'
import { addFilterOptions, VERDICTS } from './filter-options.js'

const LOG = 'query log, or its folder (default: the one in the settings)'
const FLEET = 'central folder of a fleet, instead of a query log'
const NAME = 'only this name and all below it; =name: exactly this; *.name: only below'
const FORMAT = 'output format (default: by the extension of --output, or table)'
/** The values of `--log-format`. */
const LOG_FORMATS = [
  ...['interdict', 'dnstap', 'unbound', 'dnsdist', 'dnsmasq', 'adguard'],
  ...['tshark-json', 'tshark-fields']
]
const OUTPUT = 'write to this file instead of standard output'

/** Commands that read the query log. */
export function addAnalysisCommands(program: Command, { io, done }: Context): void {
  program.commandsGroup('Analysis:')

  const question = new Argument(
    '[question...]',
    'daily [today], weekly [this-week], monthly [this-month], ban ID, bypass, egress, dnssec or new-names'
  )
  question.argChoices = [
    'daily',
    'weekly',
    'monthly',
    'ban',
    'bypass',
    'egress',
    'dnssec',
    'new-names'
  ]
  const report = program
    .command('report')
    .summary('Summarize the query log')
    .description(
      'Summarize the query log: lookups by a key (--by), a day, week or month, a ban, signs of bypass, bypass by address, or new names.'
    )
    .addArgument(question)
    .option('-l, --log <file>', LOG)
    .option('--fleet <folder>', FLEET)
    .option('--gateway <name>', 'with --fleet: only this gateway')
    .option('--since <time>', 'from this time on: 7d, 12h, a date, or a time (RFC 3339)')
    .option('--until <time>', 'up to this time')
    .option('--time-zone <zone>', TIME_ZONE)
    .option('--ban <id>', 'only lookups decided by this ban')
    .option('--app <id>', 'only lookups of this app')
    .option('--network <id>', 'only lookups from this network')
    .option('--client <client>', 'only this client or prefix, under its pseudonyms too')
    .option('--device <names...>', 'only these devices of the rules, or groups of them')
    .option('--list <ids...>', 'only lookups of these lists')
    .addOption(choice('--verdict <words...>', 'only these verdicts', VERDICTS))
    .addOption(choice('--transport <words...>', 'only these transports', TRANSPORTS))
    .option('--type <type...>', 'only these query types')
    .option('--name <pattern>', NAME)
    .option('--all', 'include lookups that no rule matched')
    .addOption(choice('--by <key>', 'key to count lookups by', [...REPORT_KEYS, FLEET_KEY], 'app'))
    .option('--top <number>', 'maximum rows of each table', '20')
    .addOption(choice('--format <format>', FORMAT, ['table', 'json', 'csv', 'markdown', 'html']))
    .option('--json', 'print JSON: --format json')
    .option('-o, --output <file>', OUTPUT)
    .action(async (args: readonly string[], _options, command: Command) => {
      const { report } = await import('../commands/analysis/report.js')
      done(await report(args, command.optsWithGlobals(), io))
    })
  examples(
    report,
    'report daily -o daily.html',
    'report --fleet /srv/fleet --by gateway --since 7d'
  )

  const evidence = program
    .command('evidence')
    .summary('Write a signed evidence pack about a ban')
    .description(
      'Write a signed evidence pack about a ban in a period: decision, networks, exceptions, lookups, bypass ' +
        'attempts, probes, gaps and the verification of the log, as a page, JSON and CSV. ' +
        'It contains verifiers that do not need Interdict.'
    )
    .argument('<ban>', 'id of the ban')
    .option('-o, --output <file>', 'new folder, or .zip file, to write to (required)')
    .option('-l, --log <file>', LOG)
    .option('--fleet <folder>', FLEET)
    .option('--keys <folder>', 'with --fleet: GATEWAY.pub of each gateway (default: keys in it)')
    .option('--witness <files...>', 'with --fleet: receipts from elsewhere, such as GATEWAY.jsonl')
    .option('--tsa-ca <file>', 'with --fleet: certificates of the time-stamping authority, PEM')
    .option('--hub-key <keys...>', 'with --fleet: public keys of the hub, or files with one each')
    .option('--inventory <file>', 'with --fleet: "fleet status --gateways --json" of the hub')
    .option('--since <time>', 'from this time on: 7d, 12h, a date, or a time (RFC 3339) (required)')
    .option('--until <time>', 'up to this time (required)')
    .option('--time-zone <zone>', TIME_ZONE)
    .option('-k, --key <file>', 'private key to sign with (default: log.queries.chain.sign-key)')
    .option('--probes <file>', 'record of "interdict probe --json"')
    .option('--history <paths...>', 'bundles or rules folders that were in force earlier')
    .option('--json', 'print JSON')
    .action(async (ban: string, _options, command: Command) => {
      const { evidence } = await import('../commands/analysis/evidence.js')
      done(await evidence(ban, command.optsWithGlobals(), io))
    })
  examples(
    evidence,
    'evidence be-federal-tiktok --since 2026-10-01 --until 2026-11-01 -o october.zip',
    'evidence be-federal-tiktok --since 30d --until 0m -o evidence -k sign.pem --probes probes.jsonl'
  )

  const query = program
    .command('query')
    .summary('Query the query log in SQL')
    .description(
      'Query the query log in SQL (DuckDB, read-only), or find the latest lookups by filters. Without either, list the columns of lookups.'
    )
    .argument('[sql]', 'one SELECT over the view lookups')
    .option('--latest <number>', 'instead of SQL: the latest lookups, so many (default: 100)')
    .option('--since <time>', 'only from this time on: 7d, 12h, a date, or a time (RFC 3339)')
    .option('--until <time>', 'only up to this time')
    .option('--where <condition>', 'only lookups that match this SQL condition')
    .option('--skip <number>', 'without the latest so many')
    .option('--all', 'all of them, as they are read, instead of the latest')
    .option('--time-zone <zone>', 'IANA time zone of times (default: UTC)')
    .option('-l, --log <file>', LOG)
    .option('--fleet <folder>', FLEET)
    .addOption(choice('--format <format>', FORMAT, ['table', 'json', 'jsonl', 'csv', 'parquet']))
    .option('--json', 'print JSON: --format json')
    .option('-o, --output <file>', OUTPUT)
    .action(async (sql: string | undefined, _options, command: Command) => {
      const { query } = await import('../commands/log/query.js')
      done(await query(sql, command.optsWithGlobals(), io))
    })
  addFilterOptions(query, 'default: all')
  examples(
    query,
    'query --app tiktok --client 10.20.0.0/16 --since 24h',
    "query 'SELECT verdict, count(*) FROM lookups GROUP BY verdict'"
  )

  const tail = program
    .command('tail')
    .description('Follow blocked and monitored lookups, with the reason')
    .argument('[log]', LOG)
    .option('-n, --lines <number>', 'number of recent lookups to start with', '10')
    .option('--time-zone <zone>', TIME_ZONE)
    .option('--no-follow', 'stop after the recent lookups')
    .option('--json', 'print JSON, one line for each lookup')
    .action(async (log: string | undefined, _options, command: Command) => {
      const { tail } = await import('../commands/log/tail.js')
      done(await tail(log, command.optsWithGlobals(), io))
    })
  addFilterOptions(tail, 'default: blocked monitored')
  examples(tail, 'tail', 'tail --client 10.20.3.0/24 --verdict all')

  const replay = program
    .command('replay')
    .summary('Find recorded lookups that candidate rules would change')
    .description('Find recorded lookups that candidate rules would answer differently.')
    .argument('<log...>', 'logs of Interdict or other programs, or a query log folder; - is stdin')
    .requiredOption('-r, --rules <rules>', 'candidate rules: folder or bundle')
    .option('--against <rules>', 'compare with these rules instead of the recorded answers')
    .addOption(
      choice('--log-format <format>', 'format of the logs (default: detected)', LOG_FORMATS)
    )
    .option(
      '-a, --at <time>',
      'judge all lookups at this date or time instead of when they were recorded'
    )
    .option('--network <id>', 'treat all clients as members of this network')
    .option('--top <number>', 'maximum rows of each table', '10')
    .option('--examples <number>', 'examples for each rule', '3')
    .option('--fail-over <number>', 'exit with 1 if more lookups than this change')
    .option('--json', 'print JSON')
    .option('--html', 'print an HTML page')
    .option('-o, --output <file>', `${OUTPUT}; .json and .html imply the format`)
    .action(async (logs: readonly string[], _options, command: Command) => {
      const { replay } = await import('../commands/analysis/replay.js')
      done(await replay(logs, command.optsWithGlobals(), io))
    })
  examples(
    replay,
    'replay /var/log/interdict --rules new-rules/',
    'replay unbound.log --log-format unbound --rules rules/ --network phones'
  )

  const pseudonym = program
    .command('pseudonym')
    .summary('Show the pseudonyms of a client in the query log')
    .description(
      'Show the pseudonyms of a client in the query log. With --create-keys instead: create the keys up to a day, for ' +
        'gateways that give a client the same pseudonym.'
    )
    .argument('[address]', 'address of the client')
    .option('-d, --date <date>', 'UTC day or month (default: today)')
    .option('--all', 'show the pseudonym under every key that is kept')
    .option(
      '--create-keys <date>',
      'create the keys up to this UTC day, in the folder of the settings'
    )
    .option('--json', 'print JSON')
    .action(async (address: string | undefined, _options, command: Command) => {
      const { pseudonym } = await import('../commands/log/pseudonym.js')
      done(await pseudonym(address, command.optsWithGlobals(), io))
    })
  examples(pseudonym, 'pseudonym 10.20.3.4', 'pseudonym 10.20.3.4 --date 2026-11')

  const who = program
    .command('who')
    .summary('Show which device had an address, by DHCP and other feeds')
    .description(
      'Show which device had an address at a time, by the history of bindings. It is unknown rather than wrong: exit code 1.'
    )
    .argument('<address>', 'address of the device')
    .option('--at <time>', 'date or time (default: now)')
    .option('--time-zone <zone>', 'time zone of --at (default: that of the rules)')
    .option('-l, --log <file>', LOG)
    .option('--skew <seconds>', 'by how much clocks of feeds may be wrong', '5')
    .option('--json', 'print JSON')
    .action(async (address: string, _options, command: Command) => {
      const { who } = await import('../commands/log/who.js')
      done(await who(address, command.optsWithGlobals(), io))
    })
  examples(who, 'who 10.20.3.4 --at 2026-11-12T14:02', 'who 2001:db8::7 --json')
}
