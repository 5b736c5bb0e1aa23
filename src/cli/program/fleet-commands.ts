import type { Command } from 'commander'
import { examples, type Context } from './context.js'

const HUB = 'socket of the hub (default: that of hub.yaml)'
/** In place of the option of all commands, which names the settings of a gateway. */
const HUB_SETTINGS = [
  '-c, --config <file>',
  'settings of the hub (default: hub.yaml here)'
] as const

/** Commands for a fleet of gateways. */
export function addFleetCommands(program: Command, { io, done }: Context): void {
  program.commandsGroup('Fleet:')
  addHub(program, { io, done })
  const fleet = program.command('fleet').description('Manage many gateways through their hub')
  examples(fleet, 'fleet status', 'fleet publish rules.bundle --ring canary')

  /** A command that talks to the hub. */
  const command = (name: string, summary: string, more = ''): Command =>
    fleet
      .command(name)
      .summary(summary)
      .description(`${summary}.${more === '' ? '' : ` ${more}`}`)
      .option(...HUB_SETTINGS)
      .option('--hub <socket>', HUB)
      .option('--json', 'print JSON')

  const status = command('status', 'Show rings, and with --gateways each gateway')
    .option('--ring <name>', 'only this ring')
    .option('--gateways', 'list the gateways, too')
    .action(async (_options, command: Command) => {
      const { status } = await import('../commands/fleet/fleet.js')
      done(await status(command.optsWithGlobals(), io))
    })
  examples(status, 'fleet status', 'fleet status --ring canary --gateways')

  const behind = command(
    'behind',
    'List gateways that do not run the bundle of their ring',
    'The exit code is 1 if there are any.'
  )
    .option('--ring <name>', 'only this ring')
    .action(async (_options, command: Command) => {
      const { behind } = await import('../commands/fleet/fleet.js')
      done(await behind(command.optsWithGlobals(), io))
    })
  examples(behind, 'fleet behind', 'fleet behind --ring canary --json')

  const without = command(
    'without',
    'List gateways that do not enforce a ban now',
    'The exit code is 1 if there are any.'
  )
    .argument('<ban>', 'id of the ban')
    .action(async (ban: string, _options, command: Command) => {
      const { without } = await import('../commands/fleet/fleet.js')
      done(await without(ban, command.optsWithGlobals(), io))
    })
  examples(without, 'fleet without tiktok-decree', 'fleet without office/tiktok --json')

  const publish = command('publish', 'Give a signed bundle to a ring')
    .argument('<bundle>', 'bundle file')
    .requiredOption('--ring <name>', 'ring that gets it, usually the first')
    .option('--replay <logs...>', 'recorded lookups, for the forecast')
    .option('--max-change <percent>', 'with --replay: refuse it if it changes more lookups', '5')
    .option('--now', 'for emergencies: to any ring, whatever the forecast says; logged')
    .action(async (file: string, _options, command: Command) => {
      const { publish } = await import('../commands/fleet/fleet-publish.js')
      done(await publish(file, command.optsWithGlobals(), io))
    })
  examples(
    publish,
    'fleet publish rules.bundle --ring canary --replay /srv/log/queries.jsonl',
    'fleet publish rules.bundle --ring all --now'
  )

  const promote = command('promote', 'Give a ring the bundle of the ring before it')
    .argument('<ring>', 'ring that gets it')
    .option('--now', 'for emergencies: without waiting for the ring before; logged')
    .action(async (ring: string, _options, command: Command) => {
      const { promote } = await import('../commands/fleet/fleet.js')
      done(await promote(ring, command.optsWithGlobals(), io))
    })
  examples(promote, 'fleet promote all', 'fleet promote all --now')

  const halt = command('halt', 'Stop the bundle of a ring from going further')
    .argument('<ring>', 'ring to halt')
    .option('--reason <text>', 'reason to record')
    .action(async (ring: string, _options, command: Command) => {
      const { halt } = await import('../commands/fleet/fleet.js')
      done(await halt(ring, command.optsWithGlobals(), io))
    })
  examples(halt, 'fleet halt canary', "fleet halt canary --reason 'blocks the intranet'")

  const rollback = command(
    'rollback',
    'Return rings to the rules of an earlier bundle',
    'They are signed once more with a higher serial, since gateways take no lower one.'
  )
    .requiredOption('-k, --key <file...>', 'private keys to sign with')
    .option('--to <serial>', 'bundle to return to (default: the last that was done in all rings)')
    .option('--ring <name...>', 'rings (default: all that run a later one)')
    .option('--days <number>', 'days until gateways no longer accept it', '90')
    .action(async (_options, command: Command) => {
      const { rollback } = await import('../commands/fleet/fleet-publish.js')
      done(await rollback(command.optsWithGlobals(), io))
    })
  examples(
    rollback,
    'fleet rollback -k office.pem',
    'fleet rollback --to 1790000000 --ring canary -k office.pem second.pem'
  )

  const token = command('token', 'Print a token with which one gateway can enrol, once')
    .argument('<name>', 'name of the gateway')
    .option('--ring <name>', 'ring of the gateway', 'all')
    .option('--expires <duration>', 'how long the token is valid, 1m to 30d', '1d')
    .action(async (name: string, _options, command: Command) => {
      const { token } = await import('../commands/fleet/fleet.js')
      done(await token(name, command.optsWithGlobals(), io))
    })
  examples(token, 'fleet token site-17', 'fleet token site-17 --ring canary --expires 2h')

  const revoke = command('revoke', 'Withdraw the credentials of a gateway')
    .argument('<name>', 'name of the gateway')
    .action(async (name: string, _options, command: Command) => {
      const { revoke } = await import('../commands/fleet/fleet.js')
      done(await revoke(name, command.optsWithGlobals(), io))
    })
  examples(revoke, 'fleet revoke site-17', 'fleet revoke site-17 --json')

  const events = command('events', 'Show who published, promoted, halted and enrolled what').action(
    async (_options, command: Command) => {
      const { events } = await import('../commands/fleet/fleet.js')
      done(await events(command.optsWithGlobals(), io))
    }
  )
  examples(events, 'fleet events', 'fleet events --json')

  const enrol = fleet
    .command('enrol')
    .summary('Get the credentials of this gateway with a token')
    .description(
      'Get the credentials of this gateway with a token from the hub. Run it on the gateway.'
    )
    .argument('<token>', 'token, or a file with it')
    .requiredOption('-o, --output <file>', 'credentials to write')
    .option('--ca-file <file>', 'CA certificates (PEM) of the NATS servers')
    .option('--json', 'print JSON')
    .action(async (text: string, _options, command: Command) => {
      const { enrol } = await import('../commands/fleet/fleet-enrol.js')
      done(await enrol(text, command.optsWithGlobals(), io))
    })
  examples(
    enrol,
    'fleet enrol token.txt -o /etc/interdict/fleet.creds',
    'fleet enrol token.txt -o fleet.creds --ca-file nats-ca.pem'
  )
}

function addHub(program: Command, { io, done }: Context): void {
  const hub = program
    .command('hub')
    .description('Run the hub of a fleet, or write its first settings')
  examples(hub, 'hub run --config /etc/interdict/hub.yaml', 'hub help init')

  const run = hub
    .command('run', { isDefault: true })
    .summary('Run the hub until SIGTERM or SIGINT')
    .description(
      'Run the hub until SIGTERM or SIGINT. It answers no DNS queries. `interdict hub` does the same.'
    )
    .option(...HUB_SETTINGS)
    .action(async (_options, command: Command) => {
      const { hub } = await import('../commands/fleet/hub.js')
      done(await hub(command.optsWithGlobals(), io))
    })
  examples(run, 'hub', 'hub run --config /etc/interdict/hub.yaml')

  const init = hub
    .command('init')
    .summary('Write settings of a hub, and keys for NATS')
    .description('Write settings of a hub, and keys for NATS. Nothing is overwritten.')
    .argument('<folder>', 'folder of hub.yaml')
    .requiredOption('--nats <urls...>', 'NATS servers: tls://host:port or nats://host:port')
    .requiredOption('--trust <keys...>', 'public keys that sign bundles, or files with one each')
    .option('--signatures <number>', 'number of signatures that a bundle needs', '1')
    .action(async (folder: string, _options, command: Command) => {
      const { initHub } = await import('../commands/fleet/hub.js')
      done(await initHub(folder, command.optsWithGlobals(), io))
    })
  examples(
    init,
    'hub init /etc/interdict --nats tls://nats1.example:4222 --trust office.pub',
    'hub init hub --nats nats://127.0.0.1:4222 --trust first.pub second.pub --signatures 2'
  )
}
