import { Command, Help, CommanderError } from 'commander'
import { packageVersion } from '../base/package.js'
import { EXIT, reportError } from './exit.js'
import { withColumns, type Io } from './io.js'
import { addAnalysisCommands } from './program/analysis-commands.js'
import { addBundleCommands } from './program/bundle-commands.js'
import { addRootCommands } from './program/root-commands.js'
import { groupCommands } from './program/command-groups.js'
import { addCompletionCommand } from './program/completion-command.js'
import { addMandateCommands } from './program/mandate-commands.js'
import type { Context } from './program/context.js'
import { addEncryptionCommands } from './program/encryption-commands.js'
import { addFleetCommands } from './program/fleet-commands.js'
import { addHelpCommands } from './output/help.js'
import { showOtherName } from './output/other-names.js'
import { addMaintenanceCommands } from './program/maintenance-commands.js'
import { addRulesCommands } from './program/rules-commands.js'
import { addRunCommands } from './program/run-commands.js'
import { addTokenCommands } from './program/token-commands.js'

/** Width of the help if the output is not a terminal. */
const WIDTH = 80

/**
 * Runs one command in this process. Of `serve`, only a failed start returns; otherwise it ends the
 * process itself.
 *
 * @param argv arguments of the command line, without the name of the program
 * @returns the exit code
 */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  let code: number = EXIT.success
  const program = createProgram({ io: withColumns(io), done: result => (code = result) })
  try {
    await program.parseAsync(argv, { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.code === 'commander.unknownCommand') io.stderr.write(showOtherName(program.args[0]))
      return error.exitCode === 0 ? EXIT.success : EXIT.usage
    }
    return reportError(error, io)
  }
}

const discard = { write: () => true, once: () => undefined }
/** For a program that only shows its help. */
const WITHOUT_PROCESS: Context = {
  io: {
    stdout: discard,
    stderr: discard,
    env: {},
    onSignal: () => () => undefined,
    exit: () => undefined
  },
  done: () => undefined
}

/** Each command loads its code when it is called, so that `--help` does not load the resolver. */
export function createProgram(context: Context = WITHOUT_PROCESS): Command {
  const { stdout, stderr } = context.io
  const program = new Command('interdict')
    .description('Policy-implementing DNS resolver for network gateways.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .option(
      '-c, --config <file>',
      'settings file (default: interdict.yaml here, then in /etc/interdict)'
    )
    .helpOption('-h, --help', 'show help')
    .configureHelp({
      showGlobalOptions: true,
      // One that a command describes itself is not repeated.
      visibleGlobalOptions(command) {
        const own = new Set(command.options.map(({ long }) => long))
        const all = Help.prototype.visibleGlobalOptions.call(this, command)
        return all.filter(({ long }) => !own.has(long))
      },
      subcommandTerm: command => command.name(),
      argumentDescription: argument => argument.description
    })
    .configureOutput({
      writeOut: text => stdout.write(text),
      writeErr: text => stderr.write(text),
      getOutHelpWidth: () => stdout.columns ?? WIDTH,
      getErrHelpWidth: () => stderr.columns ?? WIDTH,
      getOutHasColors: () => false,
      getErrHasColors: () => false
    })
    .showHelpAfterError('(run with --help for usage)')
    .exitOverride()
  addRunCommands(program, context)
  addRulesCommands(program, context)
  addAnalysisCommands(program, context)
  addBundleCommands(program, context)
  addRootCommands(program, context)
  addMandateCommands(program, context)
  addMaintenanceCommands(program, context)
  addTokenCommands(program, context)
  addEncryptionCommands(program, context)
  addFleetCommands(program, context)
  addCompletionCommand(program, context)
  groupCommands(program)
  addHelpCommands(program)
  return program
}
