import type { Command, Option } from 'commander'
import { HELP } from '../output/help.js'

/** What a shell completes after the words of one command. */
export interface Place {
  /** Words of the command, each after a space: empty for the program, ` bundle create`. */
  readonly path: string
  /** Words that may follow: commands, or known values of the first argument. Empty: file names. */
  readonly words: readonly Word[]
  readonly options: readonly OptionWords[]
}

export interface Word {
  readonly word: string
  readonly description: string
}

export interface OptionWords {
  readonly short: string | undefined
  readonly long: string
  readonly description: string
  /** Number of values: 0, 1 or any. */
  readonly values: 'none' | 'one' | 'many'
  /** Known values. Empty: file names. */
  readonly choices: readonly string[]
}

/** Words that may follow in every command, the program first. */
export function places(program: Command, path = ''): readonly Place[] {
  const children = program.commands.map(child => places(child, `${path} ${child.name()}`))
  const standard = defaultCommand(program)
  const options = [...program.options, ...(standard?.options ?? []), ...globalOptions(program)]
  const known = new Map(options.map(option => [option.long!, optionWords(option)]))
  const help: OptionWords = {
    short: '-h',
    long: '--help',
    description: 'show help',
    values: 'none',
    choices: []
  }
  const own = { path, words: wordsAfter(program), options: [...known.values(), help] }
  return [own, ...children.flat()]
}

/** The options of the commands that a command is in. */
function globalOptions({ parent }: Command): readonly Option[] {
  return parent === null ? [] : [...parent.options, ...globalOptions(parent)]
}

/** The command that runs if none is named: `bundle create` for `bundle`. */
function defaultCommand(command: Command): Command | undefined {
  const { _defaultCommandName: name } = command as unknown as { _defaultCommandName?: string }
  return command.commands.find(child => child.name() === name)
}

function wordsAfter(command: Command): readonly Word[] {
  const { commands, parent } = command
  // help takes the commands beside it.
  const following = command.name() === HELP ? parent!.commands : commands
  if (following.length > 0) {
    return following.map(child => ({
      word: child.name(),
      description: child.summary() || child.description()
    }))
  }
  const choices = command.registeredArguments[0]?.argChoices ?? []
  return choices.map(word => ({ word, description: '' }))
}

function optionWords(option: Option): OptionWords {
  const { short, long, description, required, optional, variadic, argChoices = [] } = option
  const values = variadic ? 'many' : required || optional ? 'one' : 'none'
  return { short, long: long!, description, values, choices: argChoices }
}

/** Option words, short and long, that take so many values. An option means the same in all commands. */
export function takers(all: readonly Place[], values: OptionWords['values']): readonly string[] {
  const options = all.flatMap(place => place.options).filter(option => option.values === values)
  return [...new Set(options.flatMap(names))]
}

export function names({ short, long }: OptionWords): readonly string[] {
  return short === undefined ? [long] : [short, long]
}

/** A text in single quotes for a POSIX shell. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
