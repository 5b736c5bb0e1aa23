import { Argument, type Command } from 'commander'
import { choice, examples, type Context } from './context.js'

/** The values of `<target>`. */
const TARGETS = [
  ...['kea', 'isc-dhcpd', 'dnsmasq', 'radvd', 'dnr', 'zone'],
  ...['windows', 'intune', 'chrome', 'edge', 'firefox', 'android', 'apple', 'qr']
]

/** Commands for clients of the encrypted listeners. */
export function addEncryptionCommands(program: Command, { io, done }: Context): void {
  program.commandsGroup('Encrypted DNS:')
  const target = new Argument('[target]', 'program or device (default: list them)')
  target.argChoices = TARGETS
  const onboard = program
    .command('onboard')
    .summary('Print client configuration for encrypted DNS')
    .description(
      'Print configuration for DHCP servers, devices and browsers that are to use the encrypted listeners. ' +
        'Notes and warnings go to standard error.'
    )
    .addArgument(target)
    .option('--list', 'list the targets')
    .addOption(
      choice('--protocol <protocol>', 'apple: protocol of the profile (default: the first)', [
        'dot',
        'doh'
      ])
    )
    .option(
      '--everywhere',
      'apple: use the gateway in every network, not only where it is the DNS server'
    )
    .option('--unsigned', 'apple: do not sign the profile')
    .option(
      '--certificate <file>',
      'apple: certificate to sign with (default: that of the listener)'
    )
    .option('-k, --key <file>', 'apple: private key to sign with')
    .option('--link <uri>', 'qr: text of the code, such as the address of a profile')
    .option('--svg', 'qr: print an SVG image (default: by the extension of --output)')
    .option('--json', 'print JSON')
    .option('-o, --output <file>', 'write to this file instead of standard output')
    .action(async (target: string | undefined, _options, command: Command) => {
      const { onboard } = await import('../commands/gateway/onboard.js')
      done(await onboard(target, command.optsWithGlobals(), io))
    })
  const certificate = program
    .command('certificate')
    .description('Renew the certificate of the encrypted listeners')
  examples(certificate, 'certificate renew', 'certificate help renew')

  const renew = certificate
    .command('renew')
    .summary('Renew the certificate by ACME if it is due')
    .description(
      'Get a certificate from the ACME server of the settings, if a third of the lifetime of the present one or ' +
        'less is left, or if the server asks for it. The running gateway uses it within a second. The exit code is 0 if nothing is due, too.'
    )
    .option('--force', 'renew even if nothing is due')
    .option('--dry-run', 'only show whether it is due, and check that the server can be reached')
    .option('--json', 'print JSON')
    .action(async (_options, command: Command) => {
      const { renew } = await import('../commands/gateway/certificate.js')
      done(await renew(command.optsWithGlobals(), io))
    })
  examples(renew, 'certificate renew --dry-run', 'certificate renew --force')
  examples(onboard, 'onboard kea', 'onboard apple -o dns.mobileconfig')
}
