#!/usr/bin/env node
import { Command, CommanderError } from 'commander'
import { ownVersion } from '../base/version.js'
import { addBundle } from './commands/bundle-commands.js'
import { EXIT, fail } from './exit.js'
import { addLists } from './commands/lists-commands.js'
import { addLog } from './commands/log-commands.js'
import { addRollback } from './commands/rollback-commands.js'

/** Commands load their own code when they are called: `--help` need not load the resolver. */
const program = new Command('interdict')
  .description('A policy-implementing DNS resolver for network gateways.')
  .version(ownVersion(), '-V, --version')
  .option('-c, --config <file>', 'settings file (default: interdict.yaml, if there is one)')
  .configureHelp({ showGlobalOptions: true })
  .showHelpAfterError('(--help says what it takes)')
  .exitOverride()

program
  .command('serve')
  .description('answer queries until SIGTERM or SIGINT; SIGHUP reads the rules again')
  .action(async (_options, command: Command) => {
    const { serve } = await import('./commands/serve.js')
    await serve(command.optsWithGlobals())
  })

program
  .command('check')
  .description(
    'check settings and rules, and run the policy tests: all errors at once, exit code 1 if any'
  )
  .argument('[rules]', 'rules folder or bundle, instead of the one in the settings')
  .option(
    '-a, --at <time>',
    'as if it were this date or time (in the time zone of the rules unless it says)'
  )
  .option('--json', 'as JSON')
  .action(async (rules: string | undefined, _options, command: Command) => {
    const { check } = await import('./commands/check.js')
    await check(rules, command.optsWithGlobals())
  })

program
  .command('explain')
  .description('say what a client would receive for a name, and which rules have a say in it')
  .argument('<name>', 'domain name')
  .requiredOption('-f, --from <address>', 'address of the client')
  .option('-t, --type <type>', 'query type such as AAAA, HTTPS or TYPE65280', 'A')
  .option(
    '-a, --at <time>',
    'at this date or time (in the time zone of the rules unless it says) instead of now'
  )
  .option('--no-upstream', 'do not ask an upstream where the rules go on')
  .option('--json', 'as JSON')
  .action(async (name: string, _options, command: Command) => {
    const { explain } = await import('./commands/explain.js')
    await explain(name, command.optsWithGlobals())
  })

program
  .command('diff')
  .description('say what a change of rules does: exit code 1 if anything changes')
  .argument('<old>', 'rules folder or bundle as it is')
  .argument('<new>', 'rules folder or bundle as it is to be')
  .option('--only <ids>', 'exit code 1 only if anything but these apps and lists changes')
  .option(
    '-a, --at <time>',
    'from this date or time on (in the time zone of the new rules unless it says) instead of now'
  )
  .option('--examples <number>', 'how many names to show of each change', '5')
  .option('--json', 'as JSON')
  .action(async (old: string, now: string, _options, command: Command) => {
    const { diff } = await import('./commands/diff.js')
    await diff(old, now, command.optsWithGlobals())
  })

program
  .command('replay')
  .description('say which answers of recorded lookups would change under candidate rules')
  .argument(
    '<log...>',
    'logs of Interdict or of other programs, packed or not; the folder of a query log; - is standard input'
  )
  .requiredOption('-r, --rules <rules>', 'candidate rules: folder or bundle')
  .option('--against <rules>', 'compare with these rules, not with what was recorded')
  .option('--from <format>', 'what the logs are, if that is not to be recognised')
  .option(
    '-a, --at <time>',
    'judge all lookups as of this date or time (in the time zone of the rules unless it says)'
  )
  .option('-n, --network <id>', 'take all clients for those of this network')
  .option('--top <number>', 'how many rows of each table', '10')
  .option('--examples <number>', 'how many examples of each rule', '3')
  .option('--fail-over <number>', 'exit code 1 if more lookups than so many change')
  .option('--json', 'as JSON')
  .option('--html', 'as a page of HTML')
  .action(async (logs: readonly string[], _options, command: Command) => {
    const { replay } = await import('./commands/replay.js')
    await replay(logs, command.optsWithGlobals())
  })

program
  .command('apps')
  .description('search the catalogue of apps: what they are, their names, and who bans them')
  .argument('[search...]', 'words, the id of an app, or a domain name: which app claims it')
  .option('--vendor <vendor>', 'only apps of this vendor')
  .option('--country <code>', 'only apps from this country, as two letters')
  .option('--role <role>', 'only names with this role: app, api, cdn, telemetry, web or shared')
  .option('--kind <kind>', 'only apps of this kind: app, shared or bypass')
  .option('--json', 'as JSON')
  .action(async (search: readonly string[], _options, command: Command) => {
    const { apps } = await import('./commands/apps.js')
    await apps(search, command.optsWithGlobals())
  })

program
  .command('bans')
  .description('list bans and exceptions: in force, starting, ending, due for review, and coverage')
  .option('-a, --at <time>', 'at this date or time, as in explain, instead of now')
  .option('-w, --within <days>', 'what starts, ends or is due within so many days', '30')
  .option('-n, --network <id>', 'only what holds in this network')
  .option('--app <id>', 'only what is about this app')
  .option('--exit-code', 'exit code 1 if anything starts, ends or is due in these days')
  .option('--json', 'as JSON')
  .option('--csv', 'as CSV, one line for each ban and exception')
  .action(async (_options, command: Command) => {
    const { bans } = await import('./commands/bans.js')
    await bans(command.optsWithGlobals())
  })

addLists(program)

program
  .command('tail')
  .description('show what is being blocked, and why, while it happens')
  .argument('[log]', 'query log, or its folder (default: that of the settings)')
  .option('-n, --lines <number>', 'how many of the last ones to begin with', '10')
  .option('--network <ids...>', 'only of these networks')
  .option('--app <ids...>', 'only because of these apps')
  .option('--ban <ids...>', 'only because of these bans')
  .option('--client <addresses...>', 'only of these clients: addresses, prefixes, pseudonyms')
  .option('--name <names...>', 'only these names: name with all below it, =name, *.name')
  .option('--verdict <words...>', 'only these verdicts (default: blocked monitored), or all')
  .option('--no-follow', 'end after the last ones')
  .option('--json', 'as JSON, a line each')
  .action(async (log: string | undefined, _options, command: Command) => {
    const { tail } = await import('./commands/tail.js')
    await tail(log, command.optsWithGlobals())
  })

program
  .command('pseudonym')
  .description('say what a client is called in the query log')
  .argument('<address>', 'address of the client')
  .option('-d, --date <date>', 'on this UTC day, or in this month, instead of today')
  .option('--all', 'by every key that is kept')
  .option('--json', 'as JSON')
  .action(async (address: string, _options, command: Command) => {
    const { pseudonym } = await import('./commands/pseudonym.js')
    await pseudonym(address, command.optsWithGlobals())
  })

program
  .command('report')
  .description('say what the query log has: counts by a key, or daily, ban ID, bypass, new-names')
  .argument('[question...]', 'daily, ban ID, bypass or new-names; none: counts by --by')
  .option('-l, --log <file>', 'query log, or its folder (default: that of the settings)')
  .option('--since <time>', 'from then on: 7d, 12h, a date, or a time (RFC 3339); UTC')
  .option('--until <time>', 'until then')
  .option('--ban <id>', 'only lookups that this ban decided')
  .option('--app <id>', 'only lookups of this app')
  .option('-n, --network <id>', 'only lookups from this network')
  .option('--client <address>', 'only lookups of this client or prefix, also by its pseudonyms')
  .option('--name <name>', 'only this name and all below it, =name, *.name')
  .option('--all', 'also lookups of which no rule spoke')
  .option('--by <key>', 'app, ban, network, client, name, hour, day, type, match, exception', 'app')
  .option('--top <number>', 'at most so many rows', '20')
  .option('--format <format>', 'table, json, csv, markdown or html', 'table')
  .option('-o, --output <file>', 'into this file')
  .action(async (words: readonly string[], _options, command: Command) => {
    const { report } = await import('./commands/report.js')
    await report(words, command.optsWithGlobals())
  })

program
  .command('query')
  .description('ask the query log in SQL (DuckDB), read-only; without SQL: which columns it has')
  .argument('[sql]', 'one SELECT over the view lookups')
  .option('-l, --log <file>', 'query log, or its folder (default: that of the settings)')
  .option('--format <format>', 'table, json or csv', 'table')
  .option('-o, --output <file>', 'into this file')
  .action(async (sql: string | undefined, _options, command: Command) => {
    const { query } = await import('./commands/query.js')
    await query(sql, command.optsWithGlobals())
  })

program
  .command('verify-log')
  .description('say whether the files of the query log are as they were written, by its chain')
  .argument('[log]', 'query log, or its folder (default: that of the settings)')
  .option(
    '-k, --key <key...>',
    'public keys that signatures count of (default: those of the settings)'
  )
  .option('--expect <sha256>', 'SHA-256 of a line of the chain, as the service log had it')
  .option('--json', 'as JSON')
  .action(async (log: string | undefined, _options, command: Command) => {
    const { verify } = await import('./commands/verify-log.js')
    await verify(log, command.optsWithGlobals())
  })

program
  .command('ping')
  .description('ask the running server whether it answers: exit code 0 if it does')
  .option('--timeout <ms>', 'how long to wait for each address, in milliseconds', '2000')
  .action(async (_options, command: Command) => {
    const { ping } = await import('./commands/ping.js')
    await ping(command.optsWithGlobals())
  })

program
  .command('status')
  .description('say how the running gateway is, and what it has done')
  .option('--json', 'as JSON')
  .option('--timeout <ms>', 'how long to wait, in milliseconds', '10000')
  .action(async (_options, command: Command) => {
    const { status } = await import('./commands/status.js')
    await status(command.optsWithGlobals())
  })

program
  .command('flush')
  .description('drop what the running gateway holds of a name, of all types')
  .argument('[name]', 'domain name')
  .option('-s, --subtree', 'of all names below it as well')
  .option('--all', 'of all names')
  .option('--timeout <ms>', 'how long to wait, in milliseconds', '10000')
  .action(async (name: string | undefined, _options, command: Command) => {
    const { flush } = await import('./commands/flush.js')
    await flush(name, command.optsWithGlobals())
  })

addLog(program)
addBundle(program)
addRollback(program)

// Who reads what we say may have enough of it: interdict check | head
process.stdout.on('error', () => process.exit())

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? EXIT.fine : EXIT.usage)
  fail(error)
}
