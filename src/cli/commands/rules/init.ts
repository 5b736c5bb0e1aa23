import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import {
  containsPrefix,
  readAddress,
  readPrefix,
  showAddress
} from '../../../base/values/address.js'
import { writeFileAtomic } from '../../../base/files/atomic-file.js'
import { failure } from '../../../base/errors/error.js'
import { packagePath } from '../../../base/package.js'
import { createParentFolder } from '../../../base/files/parent-folder.js'
import { reasonOf } from '../../../base/errors/reason.js'
import { readEndpoint, readServer } from '../../../wire/sockets/endpoint.js'
import { placesFor } from '../../../base/files/places.js'
import { appSchema, idSchema } from '../../../policy/rules/schema/app-schema.js'
import { didYouMean } from '../../../policy/yaml/closest.js'
import { readYaml } from '../../../policy/yaml/read.js'
import { EXIT, usageError } from '../../exit.js'
import { print, type Io } from '../../io.js'
import { showTrial, trialQuery } from '../../output/rules/trial-query.js'
import {
  initialNetworks,
  initialSettings,
  type InitialPolicy
} from '../../output/rules/initial-files.js'

export interface InitOptions {
  readonly network?: string
  readonly prefix?: readonly string[]
  readonly upstream?: readonly string[]
  readonly ban?: readonly string[]
  readonly listen?: readonly string[]
  readonly yes?: boolean
}

/** One thing to decide, by an option or an answer on the terminal. */
interface Question {
  readonly option: 'network' | 'prefix' | 'upstream' | 'ban' | 'listen'
  readonly text: string
  readonly default: readonly string[]
  /** @returns what is wrong with one value; undefined: it is valid */
  readonly fault: (value: string) => string | undefined
}

/** Private addresses, loopback and link-local: RFC 1918, 4193, 3927, 4291. */
const PRIVATE = [
  ...['127.0.0.0/8', '::1/128', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'],
  ...['fc00::/7', '169.254.0.0/16', 'fe80::/10']
]
const SETTINGS = 'interdict.yaml'
const RULES = 'rules'

/**
 * `interdict init`: writes settings and rules into a folder that has none.
 *
 * @throws InterdictError INIT_EXISTS, INIT_WRITE
 */
export async function init(folder: string, options: InitOptions, io: Io): Promise<number> {
  const existing = [SETTINGS, RULES].filter(name => existsSync(join(folder, name)))
  if (existing.length > 0) throw failure('INIT_EXISTS', folder, existing.join(' and '))
  const catalogue = new ShippedApps()
  const answers = await ask(questionsOf(catalogue), options, io)
  const policy: InitialPolicy = {
    network: answers.network[0]!,
    prefixes: answers.prefix,
    upstreams: answers.upstream,
    bans: answers.ban.map(app => catalogue.withPairs(app)),
    listen: answers.listen,
    timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    today: new Date().toISOString().slice(0, 10)
  }
  write(folder, policy)
  print(io, summaryOf(folder, policy))
  return EXIT.success
}

function questionsOf(catalogue: ShippedApps): readonly Question[] {
  return [
    {
      option: 'network',
      text: 'Name of the network (letters, digits, hyphens)',
      default: ['local'],
      fault: id =>
        idSchema.safeParse(id).success ? undefined : 'is not lower-case letters, digits and hyphens'
    },
    {
      option: 'prefix',
      text: 'Prefixes of its clients',
      default: PRIVATE,
      fault: faultOf(readPrefix, 'is not a prefix such as 192.0.2.0/24')
    },
    {
      option: 'upstream',
      text: 'Resolvers to forward to (empty: from /etc/resolv.conf)',
      default: [],
      fault: faultOf(readServer, 'is not an address such as 192.0.2.53')
    },
    {
      option: 'ban',
      text: 'Apps to ban (empty: none yet; interdict apps lists them)',
      default: [],
      fault: app => (catalogue.ids.includes(app) ? undefined : catalogue.faultOf(app))
    },
    {
      option: 'listen',
      text: 'Addresses and ports to answer on',
      default: ['127.0.0.1:5300', '[::1]:5300'],
      fault: faultOf(readEndpoint, 'is not an address and port such as 192.0.2.1:53')
    }
  ]
}

function faultOf(read: (text: string) => unknown, fault: string) {
  return (text: string): string | undefined => {
    try {
      return read(text) === undefined ? fault : undefined
    } catch {
      return fault
    }
  }
}

type Answers = Readonly<Record<Question['option'], readonly string[]>>

/** Options first; what they do not say is asked on a terminal, and has its default with `--yes`. */
async function ask(questions: readonly Question[], options: InitOptions, io: Io): Promise<Answers> {
  const answers: Partial<Record<Question['option'], readonly string[]>> = {}
  for (const question of questions) {
    const { option } = question
    const given = options[option]
    if (given !== undefined) {
      const values = typeof given === 'string' ? [given] : given
      const why = firstFault(question, values)
      if (why !== undefined) usageError(`--${option}: ${why}`)
      answers[option] = values
    } else if (options.yes === true || option === 'listen') answers[option] = question.default
    else if (io.ask === undefined) {
      usageError(`not on a terminal: give --${option}, or --yes for the defaults`)
    } else answers[option] = await askOne(question, io.ask, io)
  }
  return answers as Answers
}

async function askOne(
  question: Question,
  ask: NonNullable<Io['ask']>,
  io: Io
): Promise<readonly string[]> {
  const { text, default: usual } = question
  const shown = usual.length === 0 ? '' : ` [${usual.join(' ')}]`
  for (;;) {
    const typed = (await ask(`${text}${shown}: `)).split(/[\s,]+/).filter(word => word !== '')
    const values = typed.length === 0 ? usual : typed
    const why = firstFault(question, values)
    if (why === undefined) return values
    io.stderr.write(`${why}\n`)
  }
}

function firstFault({ option, fault }: Question, values: readonly string[]): string | undefined {
  if (option === 'network' && values.length !== 1) return 'one name, please'
  for (const value of values) {
    const why = fault(value)
    if (why !== undefined) return `${value} ${why}`
  }
  return undefined
}

/** The app catalogue of this package. */
class ShippedApps {
  readonly folder = packagePath(RULES)
  readonly ids = readdirSync(join(this.folder, 'apps'))
    .filter(file => file.endsWith('.yaml'))
    .map(file => file.slice(0, -'.yaml'.length))

  /** An app, with the apps that must be banned with it for its ban to hold. */
  withPairs(app: string): readonly string[] {
    const file = join(this.folder, 'apps', `${app}.yaml`)
    const read = readYaml(readFileSync(file), file, appSchema)
    // The shipped catalogue is valid, or the tests of this package fail.
    const pairs = read.ok ? read.value['pairs-with'] : []
    return [app, ...pairs]
  }

  faultOf(app: string): string {
    return `is not an app of the catalogue${didYouMean(app, this.ids)}`
  }
}

/** Writes everything, or nothing. */
function write(folder: string, policy: InitialPolicy): void {
  const rules = join(folder, RULES)
  try {
    const networks = join(rules, 'networks.yaml')
    createParentFolder(networks)
    const shipped = packagePath(RULES)
    for (const part of ['apps', 'evidence.yaml']) {
      cpSync(join(shipped, part), join(rules, part), { recursive: true })
    }
    writeFileAtomic(networks, initialNetworks(policy))
    writeFileAtomic(join(folder, SETTINGS), initialSettings(policy, placesFor(folder)))
  } catch (error) {
    if (existsSync(rules)) rmSync(rules, { recursive: true })
    throw failure('INIT_WRITE', folder, reasonOf(error, folder))
  }
}

function summaryOf(folder: string, { network, bans, listen, prefixes }: InitialPolicy): string {
  const config = join(folder, SETTINGS)
  const apps = bans.length === 0 ? 'no app yet' : bans.map(([app]) => app).join(', ')
  const tried = bans.some(([app]) => app === 'tiktok') ? 'www.tiktok.com' : 'example.com'
  return `Wrote settings: ${config}
Wrote rules: ${join(folder, RULES)}; network ${network} bans ${apps}, and bypassing this resolver

Next:
  interdict check -c ${config}
  interdict serve -c ${config}
${trialOf(listen, prefixes, tried, config)}
`
}

/** A query that works for these networks, or how to see what their clients get. */
function trialOf(
  listen: readonly string[],
  written: readonly string[],
  name: string,
  config: string
): string {
  const prefixes = written.map(readPrefix)
  const isServed = (text: string): boolean => {
    const one = { address: readAddress(text), length: 128 }
    return prefixes.some(prefix => containsPrefix(prefix, one))
  }
  const listeners = listen.map(text => readEndpoint(text)!)
  const trial = trialQuery(listeners, isServed)
  if (trial !== undefined) return `  ${showTrial(trial, name)}`
  const client = showAddress(prefixes[0]!.address)
  return `  interdict explain ${name} --from ${client} -c ${config}

This machine is in no network of these rules: the gateway refuses its own queries.`
}
