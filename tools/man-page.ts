import type { Argument, Command, Option } from 'commander'
import { createProgram } from '../src/cli/run.js'
import { documented, examplesOf, optionFacts, pathOf } from './cli-page.js'

/** A manual page in the roff macros of man(7). */
export interface ManPage {
  /** `interdict-bundle-create.1` */
  readonly file: string
  readonly text: string
}

const ENVIRONMENT = [
  ['NO_COLOR', 'If set to anything but an empty text, no colours on terminals.'],
  ['COLUMNS', 'Width of a terminal that does not know its own.']
] as const
const EXIT_CODES = [
  ['0', 'Success.'],
  ['1', 'Errors in files, differences found, no answer from a server, a port in use.'],
  ['2', 'The command line is wrong.']
] as const

/** Pages of the program and of each of its commands, made of the program's own help. */
export function manPages(program = createProgram()): readonly ManPage[] {
  return pagesOf(program)
}

function pagesOf(command: Command): ManPage[] {
  return [page(command), ...documented(command).flatMap(pagesOf)]
}

function page(command: Command): ManPage {
  const name = ['interdict', ...pathOf(command)].join('-')
  const words = ['interdict', ...pathOf(command)].join(' ')
  const version = createProgram().version()!
  const description = command.description()
  const last = related(command).length - 1
  const lines = [
    `.TH ${quoted(name.toUpperCase())} 1 "" ${quoted(`Interdict ${version}`)} "Interdict"`,
    '.SH NAME',
    `${escaped(name)} \\- ${escaped((command.summary() || description).replace(/\.$/, ''))}`,
    '.SH SYNOPSIS',
    `.B ${escaped(words)}`,
    escaped(command.usage()),
    '.SH DESCRIPTION',
    escaped(description),
    ...section('COMMANDS', documented(command).map(commandItem)),
    ...section('ARGUMENTS', command.registeredArguments.map(argumentItem)),
    ...section('OPTIONS', [...command.options, ...inherited(command)].map(optionItem)),
    ...examples(command),
    ...section('EXIT STATUS', EXIT_CODES.map(item)),
    ...section('ENVIRONMENT', ENVIRONMENT.map(item)),
    ...section('FILES', [
      item(['interdict.yaml', 'Settings, in the working folder or in /etc/interdict.'])
    ]),
    '.SH "SEE ALSO"',
    ...related(command).map((other, i) => `.BR ${escaped(other)} (1)${i < last ? ',' : ''}`)
  ]
  return { file: `${name}.1`, text: `${lines.join('\n')}\n` }
}

type Item = readonly [term: string, text: string]

function section(title: string, items: readonly (readonly string[])[]): readonly string[] {
  return items.length === 0 ? [] : [`.SH ${quoted(title)}`, ...items.flat()]
}

function item([term, text]: Item): readonly string[] {
  return ['.TP', `.B ${escaped(term)}`, escaped(text)]
}

function commandItem(command: Command): readonly string[] {
  return item([command.name(), `${command.summary() || command.description()}.`.replace('..', '.')])
}

function argumentItem(argument: Argument): readonly string[] {
  const text = argument.name() + (argument.variadic ? '...' : '')
  return item([argument.required ? `<${text}>` : `[${text}]`, argument.description])
}

function optionItem(option: Option): readonly string[] {
  const facts = optionFacts(option).map(fact => ` (${fact})`)
  return item([option.flags, option.description + facts.join('')])
}

/** Options of the commands that a command is in. */
function inherited({ parent }: Command): readonly Option[] {
  return parent === null ? [] : [...parent.options, ...inherited(parent)]
}

function examples(command: Command): readonly string[] {
  const lines = examplesOf(command).map(escaped)
  return lines.length === 0 ? [] : ['.SH EXAMPLES', '.nf', ...lines, '.fi']
}

/** Pages of the commands that a command is in and that are in it. */
function related(command: Command): readonly string[] {
  const { parent } = command
  const name = (of: Command): string => ['interdict', ...pathOf(of)].join('-')
  return [...(parent === null ? [] : [name(parent)]), ...documented(command).map(name)]
}

/** Text that roff does not take for a request, an escape or a typographic sign. */
function escaped(text: string): string {
  const signs = text.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll('~', '\\(ti')
  return signs
    .replaceAll("'", '\\(aq')
    .replaceAll('`', '\\(ga')
    .replaceAll('^', '\\(ha')
    .replace(/^\./, '\\&.')
}

/** An argument of a macro. */
function quoted(text: string): string {
  return `"${escaped(text).replaceAll('"', '\\(dq')}"`
}
