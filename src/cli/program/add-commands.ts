import type { Command } from 'commander'
import type { YamlValue } from '../../policy/yaml/insert-yaml.js'
import type { AddOptions, MakeEdits } from '../commands/rules/add.js'
import { examples, type Context } from './context.js'

const DAY = 'a day, a weekday such as friday, or a number of days such as 7d: through that day'

/** Types of records, as keys of the file. Its schema, which has more, takes too long to load for every command. */
const RECORD_KEYS = ['a', 'aaaa', 'cname', 'ptr', 'txt', 'mx', 'srv', 'https', 'caa', 'tlsa']

type Options = AddOptions & Readonly<Record<string, string | boolean | readonly string[]>>
type Tools = typeof import('../commands/rules/add.js')

/** Commands that add rules to the files, for review. */
export function addAddCommands(program: Command, context: Context): void {
  addBan(program, context)
  addException(program, context)
  addList(program, context)
  addRecord(program, context)
}

function addBan(program: Command, context: Context): void {
  const ban = program.command('ban').description('Add bans to the rules')
  const add = ban
    .command('add')
    .summary('Add a ban to networks')
    .description(describe('Add a ban to networks.'))
    .requiredOption('--network <ids...>', 'networks that get the ban')
    .option('--id <id>', 'id of the ban; with several networks, the network is put before it')
    .requiredOption('--authority <text>', 'who has decided it')
    .requiredOption('--reference <text>', 'the decision')
    .option('--legal-basis <text>', 'legal basis')
    .option('--owner <text>', 'who answers for it')
    .option('--from <time>', 'date or time from which it is in force (default: at once)')
    .option('--until <time>', DAY)
    .option('--review <date>', 'when it is to be reviewed')
    .option('--action <action>', 'what clients receive, such as nodata')
    .option('--monitor', 'log what it would block, and block nothing')
  matchOptions(add)
  finish(add, context, (options, { checkedEdit }) => () => {
    const networks = options.network as unknown as readonly string[]
    return networks.map(network =>
      checkedEdit({
        kind: 'ban',
        network,
        values: {
          ...keysOf(options, ['apps', 'names', 'lists', 'authority', 'reference', 'owner']),
          ...keysOf(options, ['legal-basis', 'from', 'until', 'review', 'action']),
          ...idOf(options, networks.length > 1 ? network : undefined),
          ...(options.monitor === true && { mode: 'monitor' })
        }
      })
    )
  })
  const ONE = 'ban add --network office --app tiktok --authority Board --reference "Decision 12"'
  examples(ban, ONE, `${ONE} --dry-run`)
  examples(add, ONE, `${ONE} --monitor --yes`)
}

function addException(program: Command, context: Context): void {
  const exception = program.command('exception').description('Add exceptions to the rules')
  const add = exception
    .command('add')
    .summary('Let clients use something banned, until a day')
    .description(describe('Let clients use something that is banned, until a day.'))
    .option('--client <clients...>', 'addresses or prefixes of the clients')
    .option('--network <id>', 'network (default: that of the clients)')
    .option('--id <id>', 'id of the exception')
    .requiredOption('--purpose <text>', 'what it is for')
    .requiredOption('--approved-by <text>', 'who has approved it')
    .option('--reference <text>', 'the decision')
    .option('--from <time>', 'date or time from which it is in force (default: today)')
    .requiredOption('--until <time>', DAY)
  matchOptions(add)
  finish(add, context, (options, { checkedEdit, networkOfClients }) => rules => {
    const clients = (options.client ?? []) as readonly string[]
    const network = options.network as string | undefined
    return [
      checkedEdit({
        kind: 'exception',
        network: network ?? networkOfClients(rules, clients),
        values: {
          ...keysOf(options, ['apps', 'names', 'lists', 'purpose', 'approved-by', 'reference']),
          ...keysOf(options, ['id', 'from', 'until']),
          ...(clients.length > 0 && { prefixes: clients })
        }
      })
    ]
  })
  const ONE =
    'exception add --client 10.1.7.3 --app tiktok --purpose "press monitoring" --approved-by CISO --until friday'
  examples(exception, ONE, `${ONE} --dry-run`)
  examples(add, ONE, `${ONE} --yes`)
}

function addList(program: Command, context: Context): void {
  const list = program.command('list').description('Add lists to the rules')
  const add = list
    .command('add')
    .summary('Add a list, and block it in networks')
    .description(describe('Add a list, and block it in networks.'))
    .argument('<id>', 'id of the list')
    .option('--url <url>', 'where it is downloaded from')
    .option('--file <path>', 'a file in the rules folder instead')
    .option('--folder <path>', 'a folder of files instead')
    .option('--format <format>', 'its format (default: detected)')
    .option('--refresh <duration>', 'how often it is downloaded, such as 1d')
    .option('--sha256 <digest>', 'SHA-256 that the download must have')
    .option('--minisign <key>', 'public key that signs it')
    .option('--network <ids...>', 'networks in which it is blocked')
    .option('--action <action>', 'what clients receive, such as nodata')
    .option('--monitor', 'log what it would block, and block nothing')
  finish(add, context, (options, { checkedEdit }, id) => () => {
    const networks = (options.network ?? []) as readonly string[]
    const values = {
      ...keysOf(options, ['url', 'file', 'folder', 'format', 'refresh', 'sha256', 'minisign'])
    }
    const block = {
      lists: [id!],
      ...keysOf(options, ['action']),
      ...(options.monitor === true && { mode: 'monitor' })
    }
    return [
      checkedEdit({ kind: 'list', id: id!, values }),
      ...networks.map(network => checkedEdit({ kind: 'block', network, values: block }))
    ]
  })
  const ONE = 'list add malware --url https://lists.example/malware.txt --network office'
  examples(list, ONE, `${ONE} --monitor`)
  examples(add, ONE, 'list add local --file lists/local.txt --network office guests --dry-run')
}

function addRecord(program: Command, context: Context): void {
  const record = program.command('record').description('Add local records to the rules')
  const add = record
    .command('add')
    .summary('Add local records of a name')
    .description(describe('Add local records of a name, for a network or for all.'))
    .argument('<name>', 'domain name, such as printer.site.example')
    .option('--network <id>', 'network that sees it (default: all)')
    .option('--ttl <duration>', 'TTL, such as 1h')
  for (const key of RECORD_KEYS) add.option(`--${key} <data...>`, `${key.toUpperCase()} records`)
  finish(add, context, (options, { checkedEdit }, name) => () => {
    const network = options.network as string | undefined
    const values = { name: name!, ...keysOf(options, ['ttl', ...RECORD_KEYS]) }
    return [checkedEdit({ kind: 'record', ...(network !== undefined && { network }), values })]
  })
  const ONE = 'record add printer.site.example --a 10.1.2.3'
  examples(record, ONE, `${ONE} --network office`)
  examples(add, ONE, 'record add mail.site.example --mx "10 mx.site.example" --ttl 1h --dry-run')
}

const describe = (what: string): string =>
  `${what} Shows the changed lines of networks.yaml, and what the rules then change, as "interdict plan" does; ` +
  'then asks, and writes the file. Comments and the order of the file stay. Rules with errors are not written.'

function matchOptions(command: Command): void {
  command
    .option('--app <ids...>', 'apps, by their ids in the catalogue')
    .option('--name <patterns...>', 'domain names, as under names: of a rule')
    .option('--list <ids...>', 'lists of the rules')
}

function finish(
  command: Command,
  { io, done }: Context,
  make: (options: Options, tools: Tools, argument?: string) => MakeEdits
): void {
  addEditOptions(command).action(async (...given: unknown[]) => {
    const tools = await import('../commands/rules/add.js')
    const options = command.optsWithGlobals<Options>()
    const argument = typeof given[0] === 'string' ? given[0] : undefined
    done(await tools.addRules(make(options, tools, argument), options, io))
  })
}

/** Options of commands that edit the rules. */
export const addEditOptions = (command: Command): Command =>
  command
    .option('--rules <rules>', 'rules folder to edit instead of the one in the settings')
    .option('--dry-run', 'print what would change, and write nothing')
    .option('-y, --yes', 'do not ask')
    .option('--json', 'print JSON')

/** Options that were given, as keys of the file. */
function keysOf(options: Options, keys: readonly string[]): Record<string, YamlValue> {
  const found: Record<string, YamlValue> = {}
  for (const key of keys) {
    const value = options[OPTIONS[key] ?? camelCase(key)] as YamlValue | undefined
    if (value === undefined) continue
    const isOne = Array.isArray(value) && value.length === 1 && RECORD_KEYS.includes(key)
    found[key] = isOne ? (value[0] as YamlValue) : value
  }
  return found
}

/** Keys with several values, and the option that gives one. */
const OPTIONS: Readonly<Record<string, string>> = { apps: 'app', names: 'name', lists: 'list' }

const camelCase = (key: string): string =>
  key.replace(/-(\w)/g, (_, one: string) => one.toUpperCase())

function idOf({ id }: Options, network: string | undefined): Record<string, string> {
  if (typeof id !== 'string') return {}
  return { id: network === undefined ? id : `${network}-${id}` }
}
