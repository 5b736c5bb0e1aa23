import { Option, type Command } from 'commander'
import { LANGUAGES } from '../../policy/rules/model/user-explanation.js'
import { addAddCommands } from './add-commands.js'
import { addCatalogueCommands } from './catalogue-commands.js'
import { PROFILES } from '../../gateway/profiles/profile-ids.js'
import type { CheckOptions } from '../commands/rules/check.js'
import { choice, examples, TIME_ZONE, type Context } from './context.js'
import { addHistoryCommands } from './history-commands.js'

const ROLES = ['app', 'api', 'cdn', 'telemetry', 'web', 'shared']
const AT = "evaluate at this date or time, in the rules' time zone"

interface ChosenChecks {
  readonly profile?: string
  readonly egress?: boolean
}

/** Commands that read rules, and compare and explain them. */
export function addRulesCommands(program: Command, { io, done }: Context): void {
  program.commandsGroup('Rules:')

  const check = program
    .command('check')
    .summary('Validate settings and rules, and run policy tests')
    .description(
      'Validate settings and rules, and run policy tests. ' +
        'Prints all errors; the exit code is 1 if there are any.'
    )
    .argument('[rules]', 'rules folder or bundle to check instead of the one in the settings')
    .option('-a, --at <time>', AT)
    .addOption(
      choice(
        '--profile <id>',
        'show what settings and rules do of published guidance instead',
        PROFILES
      )
    )
    .option(
      '--egress',
      'look up banned names now, and show which addresses egress would deny instead'
    )
    .option('--json', 'print JSON')
    .action(async (rules: string | undefined, _options, command: Command) => {
      const options = command.optsWithGlobals<CheckOptions & ChosenChecks>()
      const { profile, egress } = options
      if (egress === true) {
        const { checkEgress } = await import('../commands/gateway/check-egress.js')
        done(await checkEgress(rules, options, io))
        return
      }
      if (profile !== undefined) {
        const { checkProfile } = await import('../commands/gateway/check-profile.js')
        done(await checkProfile(rules, profile, options, io))
        return
      }
      const { check } = await import('../commands/rules/check.js')
      done(await check(rules, options, io))
    })
  examples(check, 'check', 'check --profile nis2')

  const explain = program
    .command('explain')
    .summary('Show what a client receives for a name, and why')
    .description('Show what a client receives for a name, and which rules decide it.')
    .argument('<name>', 'domain name; of a URL or e-mail address, its host name')
    .option('-f, --from <address>', 'address of the client')
    .option('--client <client>', 'client of the rules, as it is recognized over encrypted DNS')
    .option('-t, --type <type>', 'query type, such as AAAA or TYPE65280', 'A')
    .option('-a, --at <time>', AT)
    .option('--time-zone <zone>', TIME_ZONE)
    .option('--no-upstream', 'do not query upstreams')
    .addOption(filesOption())
    .option(
      '--fleet <folder>',
      'with --at: by the history and the logs in the central folder of a fleet'
    )
    .option('--gateway <name>', 'with --fleet: the gateway that was asked')
    .option('--json', 'print JSON')
    .action(async (name: string, _options, command: Command) => {
      const { explain } = await import('../commands/rules/explain.js')
      done(await explain(name, command.optsWithGlobals(), io))
    })
  examples(
    explain,
    'explain www.tiktok.com --from 10.20.3.4',
    'explain www.tiktok.com --client phones/17'
  )

  const clientToken = program
    .command('client-token')
    .summary('Create a DNS over HTTPS URL that identifies one client')
    .description(
      'Create a URL for DNS over HTTPS by which one client is recognized, and print it, this once, ' +
        'with the hash of its token for clients: in the rules.'
    )
    .argument('<url>', 'URL of the listener, such as https://dns.example/dns-query')
    .option('--json', 'print JSON')
    .action(async (url: string, _options, command: Command) => {
      const { createClientToken } = await import('../commands/gateway/client-token.js')
      done(createClientToken(url, command.optsWithGlobals(), io))
    })
  examples(
    clientToken,
    'client-token https://dns.example/dns-query',
    'client-token https://dns.example/dns-query --json'
  )

  const diff = program
    .command('diff')
    .summary('Compare two sets of rules by their effect')
    .description(
      'Compare two sets of rules by their effect. The exit code is 1 if anything changes.'
    )
    .argument('<old>', 'current rules folder or bundle')
    .argument('<new>', 'new rules folder or bundle')
    .option('--only <ids>', 'exit with 1 only if anything but these apps and lists changes')
    .option('-a, --at <time>', 'compare from this date or time on (default: now)')
    .option('--examples <number>', 'names to show for each change', '5')
    .option('--json', 'print JSON')
    .action(async (old: string, now: string, _options, command: Command) => {
      const { diff } = await import('../commands/rules/diff.js')
      done(await diff(old, now, command.optsWithGlobals(), io))
    })
  examples(diff, 'diff rules/ new-rules/', 'diff rules/ new-rules/ --only tiktok')

  const plan = program
    .command('plan')
    .summary('Show what rules would change at the running gateway')
    .description(
      'Show what rules would change against those in force at the running gateway: errors, warnings, ' +
        'policy tests, the difference, and a forecast from the lookups of the last day. The exit code is ' +
        '1 for errors, 3 for failing tests, 4 if lookups would newly be blocked, 5 if anything else ' +
        'changes, 6 if there are only warnings, 0 otherwise.'
    )
    .argument('[rules]', 'rules folder or bundle (default: the one in the settings)')
    .option('--examples <number>', 'names to show for each change', '5')
    .option('--timeout <ms>', 'how long to wait for the gateway, in milliseconds', '30000')
    .option('--json', 'print JSON')
    .action(async (rules: string | undefined, _options, command: Command) => {
      const { plan } = await import('../commands/rules/plan.js')
      done(await plan(rules, command.optsWithGlobals(), io))
    })
  examples(plan, 'plan', 'plan new-rules/ --json')

  const apply = program
    .command('apply')
    .summary('Put saved rules in force')
    .description(
      'Put saved rules in force, with rules.activate: manual in the settings. With a SHA-256, as ' +
        'interdict plan prints it, only if the rules folder has not changed since. With a draft of the dashboard, ' +
        'shows what it changes, asks, and writes its files into the rules folder.'
    )
    .argument('[sha256]', 'SHA-256 that was planned, or a draft (default: whatever is saved)')
    .option('-y, --yes', 'do not ask before a draft is written')
    .option('--timeout <ms>', 'how long to wait for the gateway, in milliseconds', '120000')
    .option('--json', 'print JSON')
    .action(async (sha256: string | undefined, _options, command: Command) => {
      const { apply } = await import('../commands/rules/apply.js')
      done(await apply(sha256, command.optsWithGlobals(), io))
    })
  examples(apply, 'apply', 'apply draft-1a2b3c4d')

  const register = program
    .command('register')
    .summary('Write the register of bans as a static web site')
    .description(
      'Write the register of bans as a static web site, in English, French, Dutch and German. ' +
        'It has no data about clients. Existing files of other bans are kept.'
    )
    .argument('<folder>', 'folder to write to')
    .addOption(choice('--language <language>', 'language of the first page', [...LANGUAGES]))
    .option('-a, --at <time>', AT)
    .option('--json', 'print JSON')
    .action(async (folder: string, _options, command: Command) => {
      const { register } = await import('../commands/analysis/register.js')
      done(await register(folder, command.optsWithGlobals(), io))
    })
  examples(register, 'register /srv/www/bans', 'register site --language nl')

  const probe = program
    .command('probe')
    .summary('Test from this machine that bans are enforced')
    .description(
      'Ask a resolver for banned names, exceptions and control names from this machine, and compare the ' +
        'answers with the rules. The exit code is 1 if any answer is wrong.'
    )
    .requiredOption('-f, --from <address>', 'address of this machine, as the gateway sees it')
    .option('--network <id>', 'network that it has to be in')
    .option(
      '--client <client>',
      'client of the rules, or GROUP/DEVICE, as which it is recognized over TLS'
    )
    .option('--client-certificate <file>', 'certificate to present over TLS, in PEM')
    .option('--client-key <file>', 'key of that certificate')
    .option('--rules <rules>', 'rules folder or bundle instead of the one in the settings')
    .option('--server <servers...>', 'resolvers to query (default: from /etc/resolv.conf)')
    .option('--foreign', 'the resolvers are not Interdict: banned names must just not resolve')
    .option(
      '--hard-coded <servers...>',
      'resolvers that apps have built in; they must not be a way around'
    )
    .option('--control <names...>', 'names that must resolve')
    .option('--names <number>', 'names of each ban to ask in a round, at least', '3')
    .option('--every <seconds>', 'repeat until SIGTERM or SIGINT, with other names each time')
    .option('--timeout <ms>', 'how long to wait for an answer, in milliseconds', '3000')
    .option('--json', 'print JSON')
    .action(async (_options, command: Command) => {
      const { probe } = await import('../commands/gateway/probe.js')
      done(await probe(command.optsWithGlobals(), io))
    })
  examples(
    probe,
    'probe --from 10.20.3.4 --rules rules.bundle --control example.com',
    'probe --from 10.20.3.4 --server 10.0.0.53 tls://10.0.0.53#dns.example --hard-coded 8.8.8.8'
  )

  const apps = program
    .command('apps')
    .summary('Search the app catalogue')
    .description('Search the app catalogue: apps, their names, and the networks that ban them.')
    .argument(
      '[search...]',
      'words, an app id, or a domain name or URL to find the app that claims it'
    )
    .option('--vendor <vendor>', 'only apps of this vendor')
    .option('--country <code>', 'only apps from this country (two letters)')
    .addOption(choice('--role <role>', 'only names in this role', ROLES))
    .addOption(choice('--kind <kind>', 'only apps of this kind', ['app', 'shared', 'bypass']))
    .option('--json', 'print JSON')
    .action(async (search: readonly string[], _options, command: Command) => {
      const { apps } = await import('../commands/rules/apps.js')
      done(await apps(search, command.optsWithGlobals(), io))
    })
  examples(apps, 'apps tiktok', 'apps v16.tiktokcdn.com')

  const bans = program
    .command('bans')
    .summary('List bans and exceptions, due dates and coverage')
    .description('List bans and exceptions: in force, starting, ending, due for review; coverage.')
    .option('-a, --at <time>', AT)
    .option('-w, --within <days>', 'report what starts, ends or is due within so many days', '30')
    .option('--network <id>', 'only bans and exceptions of this network')
    .option('--app <id>', 'only bans and exceptions of this app')
    .option('--exit-code', 'exit with 1 if anything starts, ends or is due within these days')
    .option('--json', 'print JSON')
    .option('--csv', 'print CSV, one line for each ban and exception')
    .addOption(filesOption())
    .action(async (_options, command: Command) => {
      const { bans } = await import('../commands/rules/bans.js')
      done(await bans(command.optsWithGlobals(), io))
    })
  examples(bans, 'bans', 'bans --network phones --within 90')

  addAddCommands(program, { io, done })
  addHistoryCommands(program, { io, done })
  addLists(program, { io, done })
  addCatalogueCommands(program, { io, done })
}

const filesOption = (): Option =>
  new Option('--files', "with --at: judge today's files, whatever was in force then")

function addLists(program: Command, { io, done }: Context): void {
  const lists = program.command('lists').description('List, refresh and confirm block lists')
  examples(lists, 'lists', 'lists update malware')

  const show = lists
    .command('show', { isDefault: true })
    .description('Show each list: source, entries, age, last attempt, state')
    .option('--json', 'print JSON')
    .action(async (_options, command: Command) => {
      const { showLists } = await import('../commands/rules/lists.js')
      done(await showLists(command.optsWithGlobals(), io))
    })
  examples(show, 'lists show', 'lists show --json')

  const update = lists
    .command('update')
    .summary('Download lists and transfer zones now')
    .description(
      'Download lists and transfer zones now. A running gateway notices new copies by itself.'
    )
    .argument('[ids...]', 'ids of lists (default: all that have a url or a zone)')
    .option('--json', 'print JSON')
    .action(async (ids: readonly string[], _options, command: Command) => {
      const { updateLists } = await import('../commands/rules/lists-update.js')
      done(await updateLists(ids, command.optsWithGlobals(), io))
    })
  examples(update, 'lists update', 'lists update malware phishing')

  const confirm = lists
    .command('confirm')
    .summary('Accept a list that shrank')
    .description(
      'Accept a quarantined download, or a local list: one that has lost more entries than the rules allow.'
    )
    .argument('<id>', 'id of the list')
    .option('--json', 'print JSON')
    .action(async (id: string, _options, command: Command) => {
      const { confirmList } = await import('../commands/rules/lists.js')
      done(await confirmList(id, command.optsWithGlobals(), io))
    })
  examples(confirm, 'lists confirm malware', 'lists confirm malware -c interdict.yaml')
}
