import type { Command } from 'commander'
import { EXAMPLES } from '../output/rules/example-names.js'
import { SERVERS } from '../output/rules/server-kinds.js'
import { choice, examples, type Context } from './context.js'

/** Commands that run a gateway or talk to a running one. */
export function addRunCommands(program: Command, { io, done }: Context): void {
  program.commandsGroup('Run:')

  const init = program
    .command('init')
    .summary('Write settings and rules to start with')
    .description(
      'Write settings and rules to start with. Nothing is overwritten. ' +
        'On a terminal, asks for what the options do not say. With --pair, also the settings of keepalived and ' +
        'BIRD for two gateways that share addresses.'
    )
    .argument('[folder]', 'for a service: /etc/interdict', '.')
    .option('--network <id>', 'name of the network')
    .option('--prefix <prefixes...>', 'prefixes of its clients')
    .option('--upstream <addresses...>', 'resolvers to forward to')
    .option('--ban <apps...>', 'apps to ban')
    .option('--listen <endpoints...>', 'addresses and ports to answer on')
    .option('--dashboard <endpoint>', 'serve the dashboard there, and make a first login')
    .option('--pair <addresses...>', 'two gateways share these, such as 192.0.2.53/24')
    .option('--interface <name>', 'with --pair: network interface of these addresses')
    .option('-y, --yes', 'do not ask: use the defaults')
    .addOption(
      choice('--example <name>', 'write the files of a guide instead, with sample logs', EXAMPLES)
    )
    .action(async (folder: string, _options, command: Command) => {
      const { init } = await import('../commands/gateway/init.js')
      done(await init(folder, command.opts(), io))
    })
  examples(
    init,
    'init /etc/interdict',
    'init gateway --network office --prefix 10.0.0.0/8 --ban tiktok --yes'
  )

  const migrate = program
    .command('migrate')
    .summary('Convert the settings of another DNS server')
    .description(
      'Convert the settings of AdGuard Home, Pi-hole, Unbound or BIND into settings and rules, and list what has to be ' +
        'done by hand. Nothing is overwritten. The exit code is 1 if the rules have errors.'
    )
    .argument(
      '<source>',
      'AdGuardHome.yaml, a Teleporter archive, unbound.conf, named.conf or a response policy zone'
    )
    .argument('[folder]', 'for a service: /etc/interdict', '.')
    .addOption(
      choice('--kind <kind>', 'whose settings they are (default: by the content)', SERVERS)
    )
    .option('--listen <endpoints...>', 'answer on these addresses and ports instead')
    .option('--json', 'print JSON')
    .action(async (source: string, folder: string, _options, command: Command) => {
      const { migrate } = await import('../commands/gateway/migrate.js')
      done(await migrate(source, folder, command.opts(), io))
    })
  examples(
    migrate,
    'migrate /etc/unbound/unbound.conf /etc/interdict',
    'migrate pi-hole_teleporter.zip gateway --listen 127.0.0.1:5300'
  )

  const serve = program
    .command('serve')
    .summary('Answer DNS queries until SIGTERM or SIGINT')
    .description('Answer DNS queries until SIGTERM or SIGINT. SIGHUP reloads settings and rules.')
    .action(async (_options, command: Command) => {
      const { serve } = await import('../commands/gateway/serve.js')
      done(await serve(command.optsWithGlobals(), io))
    })
  examples(serve, 'serve', 'serve --config /etc/interdict/interdict.yaml')

  const landing = program
    .command('landing')
    .summary('Serve the landing page of sinkhole and cname bans')
    .description(
      'Serve the landing page of sinkhole and cname bans, over HTTP, until SIGTERM or SIGINT. ' +
        "It explains the ban in the visitor's language. SIGHUP reads the rules again, as a change does."
    )
    .requiredOption('--listen <endpoint>', 'address and port, such as 192.0.2.80:80')
    .action(async (_options, command: Command) => {
      const { landing } = await import('../commands/analysis/landing.js')
      done(await landing(command.optsWithGlobals(), io))
    })
  examples(landing, 'landing --listen 192.0.2.80:80', "landing --listen '[2001:db8::80]:80'")

  const observe = program
    .command('observe')
    .summary('Read connections of clients for the gateway')
    .description(
      'Read connections of clients, which networks with `egress` report if no answer led to them, until SIGTERM or ' +
        'SIGINT. Needs CAP_NET_ADMIN, which the gateway does not have, and conntrack. It changes nothing.'
    )
    .option('--socket <path>', 'Unix socket for the gateway', '/run/interdict-observe/socket')
    .option('--conntrack <path>', 'program of conntrack-tools', '/usr/sbin/conntrack')
    .action(async (_options, command: Command) => {
      const { observe } = await import('../commands/gateway/observe.js')
      done(await observe(command.opts(), io))
    })
  examples(observe, 'observe', 'observe --socket /run/observe/socket')

  const egress = program
    .command('egress')
    .summary('Write denied addresses into the firewall')
    .description(
      'Write the addresses that networks with `egress: deny` may not reach into a table of nftables, for the gateway, ' +
        'until SIGTERM or SIGINT. Needs CAP_NET_ADMIN, which the gateway does not have. The table stays when it ends.'
    )
    .option('--socket <path>', 'Unix socket for the gateway', '/run/interdict-egress/socket')
    .option('--nft <path>', 'program of nftables', '/usr/sbin/nft')
    .action(async (_options, command: Command) => {
      const { egress } = await import('../commands/gateway/egress.js')
      done(await egress(command.opts(), io))
    })
  examples(egress, 'egress', 'egress --socket /run/egress/socket --nft /usr/local/sbin/nft')

  const dnssec = program
    .command('dnssec')
    .summary('Validate an answer, and show its chain of trust')
    .description(
      'Query the upstreams of the settings for a name, validate the answer by DNSSEC, and show its chain of ' +
        'trust: which key signed what, and what failed. The exit code is 1 if the answer is bogus or ' +
        'could not be validated.'
    )
    .argument('<name>', 'domain name; of a URL or e-mail address, its host name')
    .option('-t, --type <type>', 'query type, such as AAAA or TYPE65280', 'A')
    .option(
      '--anchor <anchors...>',
      'trust anchors in place of those in use: each as DS or DNSKEY in zone file format'
    )
    .option('--json', 'print JSON')
    .action(async (name: string, _options, command: Command) => {
      const { dnssec } = await import('../commands/gateway/dnssec.js')
      done(await dnssec(name, command.optsWithGlobals(), io))
    })
  examples(dnssec, 'dnssec example.com', 'dnssec _25._tcp.mail.example.com --type TLSA --json')

  const ping = program
    .command('ping')
    .summary('Check that the server answers on every listen address')
    .description(
      'Check that the server answers on every listen address of the settings. ' +
        'The exit code is 0 if it does.'
    )
    .option('--ready', 'also check, by the admin socket, that it is ready to serve clients')
    .option('--json', 'print JSON')
    .option('--timeout <ms>', 'how long to wait for each address, in milliseconds', '2000')
    .action(async (_options, command: Command) => {
      const { ping } = await import('../commands/gateway/ping.js')
      done(await ping(command.optsWithGlobals(), io))
    })
  examples(ping, 'ping', 'ping --ready --timeout 500')

  const status = program
    .command('status')
    .summary('Show gateway health and counters')
    .description(
      'Show gateway health and counters. With --health the exit code is 1 if there is any problem.'
    )
    .option('--health', 'show problems only')
    .option('--json', 'print JSON')
    .option('--timeout <ms>', 'how long to wait for the gateway, in milliseconds', '10000')
    .action(async (_options, command: Command) => {
      const { status } = await import('../commands/gateway/status.js')
      done(await status(command.optsWithGlobals(), io))
    })
  examples(status, 'status', 'status --health')

  const upgrade = program
    .command('upgrade')
    .summary('Replace the running gateway with the installed version')
    .description(
      'Replace the running gateway by a process of the installed program, which takes over its sockets: ' +
        'no query is lost. If the new process fails to start, the running gateway continues.'
    )
    .option('--json', 'print JSON')
    .option('--timeout <ms>', 'how long to wait for the new process, in milliseconds', '150000')
    .action(async (_options, command: Command) => {
      const { upgrade } = await import('../commands/gateway/upgrade.js')
      done(await upgrade(command.optsWithGlobals(), io))
    })
  examples(upgrade, 'upgrade', 'upgrade --config /etc/interdict/interdict.yaml')

  const upgradeCheck = program
    .command('upgrade-check')
    .summary('Check whether this version can replace the running one')
    .description(
      'Check settings and rules with this version, and report what it would change. ' +
        'Run it with the new program, before it is installed. The exit code is 1 if there are errors.'
    )
    .option(
      '--previous <folder>',
      'package of the previous version, to compare settings and defaults'
    )
    .option('--json', 'print JSON')
    .option('--timeout <ms>', 'how long to wait for the gateway, in milliseconds', '10000')
    .action(async (_options, command: Command) => {
      const { upgradeCheck } = await import('../commands/gateway/upgrade-check.js')
      done(await upgradeCheck(command.optsWithGlobals(), io))
    })
  examples(
    upgradeCheck,
    'upgrade-check',
    'upgrade-check --previous /usr/lib/node_modules/interdict'
  )

  const flush = program
    .command('flush')
    .summary('Remove names from the cache of the running gateway')
    .description('Remove a name, all its record types, from the cache of the running gateway.')
    .argument('[name]', 'domain name')
    .option('-s, --subtree', 'also remove all names below it')
    .option('--all', 'remove all names')
    .option('--json', 'print JSON')
    .option('--timeout <ms>', 'how long to wait for the gateway, in milliseconds', '10000')
    .action(async (name: string | undefined, _options, command: Command) => {
      const { flush } = await import('../commands/gateway/flush.js')
      done(await flush(name, command.optsWithGlobals(), io))
    })
  examples(flush, 'flush www.example.com', 'flush --subtree example.com')

  const pause = program
    .command('pause')
    .summary('Pause a block rule of the running gateway')
    .description(
      'Pause a block rule for some minutes, at most admin.max-pause, or end its pause. ' +
        'Bans cannot be paused. Who has paused it and why are in the status, the history and the query log.'
    )
    .argument('<rule>', 'id of the block rule')
    .option('--minutes <n>', 'how long', '15')
    .option('--reason <text>', 'why, for everyone who sees the pause')
    .option('--by <name>', 'who has decided it; default: the user who runs the command')
    .option('--end', 'end the pause now')
    .option('--json', 'print JSON')
    .option('--timeout <ms>', 'how long to wait for the gateway, in milliseconds', '120000')
    .action(async (rule: string, _options, command: Command) => {
      const { pause } = await import('../commands/gateway/pause.js')
      done(await pause(rule, command.optsWithGlobals(), io))
    })
  examples(
    pause,
    "pause office/ads --minutes 30 --reason 'payments page broken, ticket 1234'",
    'pause office/ads --end'
  )
}
