import { Option, type Command } from 'commander'
import type { Io } from '../io.js'

/** What the action of every command needs. */
export interface Context {
  readonly io: Io
  /** Takes the exit code of the command that ran. */
  readonly done: (code: number) => void
}

/** The meaning of `--time-zone`. */
export const TIME_ZONE = 'IANA time zone of dates and times (default: that of the rules)'

/** Shows two calls of a command, without its options for the settings file, below its help. */
export function examples(command: Command, first: string, second: string): void {
  command.addHelpText('after', `\nExamples:\n  $ interdict ${first}\n  $ interdict ${second}`)
}

/**
 * An option whose values are known, for the help and shell completion. The command itself checks the
 * value, so that its errors look like other options' errors.
 */
export function choice(
  flags: string,
  description: string,
  choices: readonly string[],
  value?: string
): Option {
  const option = new Option(flags, description).default(value)
  option.argChoices = [...choices]
  return option
}
