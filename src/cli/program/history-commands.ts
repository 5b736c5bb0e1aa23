import type { Command } from 'commander'
import { examples, type Context } from './context.js'

const FLEET = 'central folder of a fleet, instead of the history of this gateway'
const ANY_GATEWAY = 'with --fleet: only this gateway'
const VERSION = 'first digits of its SHA-256, or @ and a time'

/** Commands about what was in force. */
export function addHistoryCommands(program: Command, { io, done }: Context): void {
  const rules = program
    .command('rules')
    .summary('Show, compare and restore what was in force')
    .description('Show, compare and restore versions of the rules that were in force here')
  examples(rules, 'rules history', 'rules diff 1a2b3c4d 5e6f7a8b')

  const history = rules
    .command('history', { isDefault: true })
    .summary('List versions of the rules: when, by whom, what changed')
    .description(
      'List what was in force, the latest first: since when and for how long, who or which file caused it, ' +
        'and what changed. Times are UTC.'
    )
    .option('--fleet <folder>', FLEET)
    .option('--gateway <name>', 'with --fleet: the gateway')
    .option('--since <time>', 'only what was in force after this time, or 7d, 12h')
    .option('--until <time>', 'only what was in force before this time')
    .option('--limit <number>', 'entries to show', '50')
    .option('--json', 'print JSON')
    .action(async (_options, command: Command) => {
      const { history } = await import('../commands/rules/rules-history.js')
      done(await history(command.optsWithGlobals(), io))
    })
  examples(
    history,
    'rules history --since 30d --json',
    'rules history --fleet /srv/fleet --gateway brussels-1'
  )

  const show = rules
    .command('show')
    .summary('Show a version of the rules')
    .description('Show when a version was in force and its files, or the text of one file.')
    .argument('<version>', VERSION)
    .argument('[file]', 'print this file instead, such as networks.yaml')
    .option('--fleet <folder>', FLEET)
    .option('--gateway <name>', ANY_GATEWAY)
    .option('--into <folder>', 'write its files into this folder')
    .option('--json', 'print JSON')
    .action(async (version: string, file: string | undefined, _options, command: Command) => {
      const { showVersion } = await import('../commands/rules/rules-history.js')
      done(await showVersion(version, file, command.optsWithGlobals(), io))
    })
  examples(show, 'rules show 1a2b3c4d networks.yaml', 'rules show @2026-11-30T15:12:21Z')

  const diff = rules
    .command('diff')
    .summary('Compare the answers under two versions')
    .description('Compare the answers to clients under two versions that were in force.')
    .argument('<old>', VERSION)
    .argument('<new>', VERSION)
    .option('--fleet <folder>', FLEET)
    .option('--gateway <name>', ANY_GATEWAY)
    .option('--examples <number>', 'names to show for each change', '5')
    .option('--json', 'print JSON')
    .action(async (old: string, now: string, _options, command: Command) => {
      const { diffVersions } = await import('../commands/rules/rules-history.js')
      done(await diffVersions(old, now, command.optsWithGlobals(), io))
    })
  examples(diff, 'rules diff 1a2b3c4d 5e6f7a8b', 'rules diff @2026-11-01 @2026-11-30')

  const restore = rules
    .command('restore')
    .summary('Write a version back into the rules folder')
    .description(
      'Write the files of a version into the rules folder; a running gateway reloads them. Present files that are in ' +
        'no version of the history are saved first. With bundles, use "interdict rollback".'
    )
    .argument('<version>', VERSION)
    .option('--user <name>', 'who restores, for the history (default: the user who runs this)')
    .option('--dry-run', 'print which files would change, and change none')
    .option('--json', 'print JSON')
    .action(async (version: string, _options, command: Command) => {
      const { restoreVersion } = await import('../commands/rules/rules-restore.js')
      done(await restoreVersion(version, command.optsWithGlobals(), io))
    })
  examples(restore, 'rules restore 1a2b3c4d --dry-run', 'rules restore @2026-11-30T15:12:21Z')
}
