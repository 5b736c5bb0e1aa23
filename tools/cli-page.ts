import type { Argument, Command, Option } from 'commander'
import { format, resolveConfig } from 'prettier'
import { HELP } from '../src/cli/output/help.js'
import { createProgram } from '../src/cli/run.js'

/** The page, relative to the root of the package. */
export const PAGE = 'docs/reference/cli.md'

const INTRODUCTION = `# Command line

<!-- Generated from the help of the program: npm run docs:cli -->

\`interdict COMMAND --help\` shows the same text as this page.

| exit code | meaning                                                                                |
| --------- | -------------------------------------------------------------------------------------- |
| 0         | success                                                                                |
| 1         | errors in files, differences found, no answer from a server, a port in use             |
| 2         | the command line is wrong                                                              |
| 130, 141  | ended by Ctrl-C (other signals: 128 and their number), or the reader of a pipe has ended |

Results go to standard output; errors, warnings and progress go to standard error. Colours appear on
terminals alone, unless \`NO_COLOR\` is set. A terminal that does not know its width has that of \`COLUMNS\`.

## JSON

Every command that prints facts has \`--json\`. It prints one object, indented, to standard output: keys are in camel case,
what is missing is \`null\`, times are in RFC 3339, lists have a key of their own, and an error is an object with its
\`code\` and \`message\`. \`tail\` prints one object a line, and \`query\` an array of rows. Exit codes are the same as without
\`--json\`, and errors that end a command are text on standard error.

| command | its object |
| --- | --- |
| \`ping\` | \`ok\`; \`endpoints\`, each with \`endpoint\` and \`answers\` (\`null\`: not reachable, or \`refused\` for want of an identity); with \`--ready\`, \`health\` as in \`status --health\` |
| \`flush\` | \`name\`, \`subtree\`, \`flushed\` (entries), \`silent\` (workers that did not reply) |
| \`lists update\` | \`lists\`, each with \`id\`, \`result\` (\`updated\`, \`unchanged\`, \`failed\`), \`entries\`, \`serial\` of a zone, \`errors\` |
| \`lists confirm\` | \`id\`, \`entries\` |
| \`bundle create\`, \`sign\`, \`show\`, \`verify\` | the manifest, \`signers\`, \`files\` |
| \`bundle keygen\` | \`file\`, \`publicKey\` |
| \`rollback\` | \`from\`, \`to\`, \`changed\`; with \`--list\`, \`bundles\`; with \`--dry-run\`, as \`diff\` |
| \`certificate renew\` | \`certificate\` (file), \`names\`, \`due\`, \`reason\`, \`notAfter\`, \`renewalFrom\`, \`renewed\` |
| \`onboard\` | \`target\`, \`name\`, \`services\`, \`file\` (usual name), \`encoding\` (\`utf8\`, \`base64\`), \`content\`, \`notes\`; without a target, \`targets\` |
| \`backup\` | \`file\`, \`files\` (count), \`size\`, \`encrypted\`, \`missing\`, each with \`key\` and \`path\`; with \`--check\` also \`createdAt\`, \`host\`, \`version\`, and \`check\` |
| \`restore\` | \`settings\`, \`restored\` and \`moved\` (paths), \`missing\` |
| \`log remove\` | \`removed\`, each with \`file\` and \`was\` (\`null\`: as the chain has it); \`recorded\` in the chain |
`

/** The page, made of the program's own help. */
export async function cliPage(): Promise<string> {
  const program = createProgram()
  const parts = [INTRODUCTION, '## Options of every command', optionTable(program)]
  let group = ''
  for (const command of documented(program)) {
    if (command.helpGroup() !== group) {
      group = command.helpGroup()
      parts.push(`## ${group.replace(':', '')}`)
    }
    parts.push(...sections(command, 3))
  }
  const options = { ...(await resolveConfig(PAGE)), parser: 'markdown' }
  return format(parts.join('\n\n'), options)
}

/** The commands within a command, without `help`. */
export function documented({ commands }: Command): readonly Command[] {
  return commands.filter(command => command.name() !== HELP)
}

/** A command and the commands within it. */
function sections(command: Command, level: number): string[] {
  const path = pathOf(command)
  return [
    `${'#'.repeat(level)} ${path.join(' ')}`,
    escaped(command.description().replace(/\.?$/, '.')),
    `\`\`\`text\ninterdict ${path.join(' ')} ${command.usage()}\n\`\`\``,
    ...table('argument', command.registeredArguments.map(argumentRow)),
    ...table('option', command.options.map(optionRow)),
    `\`\`\`sh\n${examplesOf(command).join('\n')}\n\`\`\``,
    ...documented(command).flatMap(child => sections(child, level + 1))
  ]
}

/** Names of a command and those it is in, without that of the program. */
export function pathOf(command: Command): string[] {
  const { parent } = command
  return parent === null ? [] : [...pathOf(parent), command.name()]
}

type Row = readonly [term: string, description: string]

function optionTable(command: Command): string {
  return table('option', command.options.map(optionRow)).join('\n\n')
}

function table(what: string, rows: readonly Row[]): string[] {
  if (rows.length === 0) return []
  const lines = rows.map(([term, text]) => `| \`${term}\` | ${escaped(text)} |`)
  return [[`| ${what} | meaning |`, '| --- | --- |', ...lines].join('\n')]
}

function argumentRow(argument: Argument): Row {
  const name = argument.name() + (argument.variadic ? '...' : '')
  return [argument.required ? `<${name}>` : `[${name}]`, argument.description]
}

function optionRow(option: Option): Row {
  const facts = optionFacts(option).map(fact => ` (${fact})`)
  return [option.flags, option.description + facts.join('')]
}

/** What the help adds to the description of an option. */
export function optionFacts({ argChoices, defaultValue, mandatory }: Option): readonly string[] {
  const value: unknown = defaultValue
  return [
    ...(argChoices === undefined ? [] : [`one of ${argChoices.join(', ')}`]),
    ...(mandatory ? ['required'] : []),
    ...(typeof value === 'string' ? [`default: ${value}`] : [])
  ]
}

/** Text that Markdown does not take for markup. */
function escaped(text: string): string {
  return text.replace(/[<>|*]/g, sign => `\\${sign}`)
}

/** The examples that the help shows, without the prompt. */
export function examplesOf(command: Command): string[] {
  let help = ''
  command.configureOutput({ writeOut: text => (help += text) })
  command.outputHelp()
  return [...help.matchAll(/^ {2}\$ (.*)$/gm)].map(match => match[1]!)
}
