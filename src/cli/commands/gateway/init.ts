import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
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
import { PAIR_FOLDERS, pairOf, writePair, type Pair } from '../../output/rules/pair-files.js'
import { createToken } from './token.js'
import { writeExample } from '../rules/init-example.js'
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
  readonly dashboard?: string
  readonly yes?: boolean
  readonly example?: string
  readonly pair?: readonly string[]
  readonly interface?: string
}

/** One thing to decide, by an option or an answer on the terminal. */
interface Question {
  readonly option: 'network' | 'prefix' | 'upstream' | 'ban' | 'listen' | 'dashboard'
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
  const isPair = options.pair !== undefined
  if (options.interface !== undefined && !isPair) usageError('--interface needs --pair')
  const pair = isPair ? pairOf(options.pair, options.interface) : undefined
  const existing = [SETTINGS, RULES, ...(isPair ? PAIR_FOLDERS : [])].filter(name =>
    existsSync(join(folder, name))
  )
  if (existing.length > 0) throw failure('INIT_EXISTS', folder, existing.join(' and '))
  const { example, ...others } = options
  if (example !== undefined) {
    print(io, writeExample(folder, example, others))
    return EXIT.success
  }
  const catalogue = new ShippedApps()
  const answers = await ask(questionsOf(catalogue, pair), options, io)
  const policy: InitialPolicy = {
    network: answers.network[0]!,
    prefixes: answers.prefix,
    upstreams: answers.upstream,
    bans: answers.ban.map(app => catalogue.withPairs(app)),
    listen: answers.listen,
    dashboard: answers.dashboard[0],
    pair,
    timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    today: new Date().toISOString().slice(0, 10)
  }
  write(folder, policy)
  print(io, `${summaryOf(folder, policy)}${pair === undefined ? '' : pairSummary(folder)}`)
  if (policy.dashboard !== undefined) print(io, await firstLogin(policy.dashboard, folder, io))
  return EXIT.success
}

function questionsOf(catalogue: ShippedApps, pair: Pair | undefined): readonly Question[] {
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
      // The shared address may come and go.
      default: pair === undefined ? ['127.0.0.1:5300', '[::1]:5300'] : ['0.0.0.0:53', '[::]:53'],
      fault: faultOf(readEndpoint, 'is not an address and port such as 192.0.2.1:53')
    },
    {
      option: 'dashboard',
      text: 'Address and port of the dashboard, such as 127.0.0.1:8053 (empty: none)',
      default: [],
      fault: faultOf(readEndpoint, 'is not an address and port such as 127.0.0.1:8053')
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
    } else if (options.yes === true || isOptional(option, io)) answers[option] = question.default
    else if (io.ask === undefined) {
      usageError(`not on a terminal: give --${option}, or --yes for the defaults`)
    } else answers[option] = await askOne(question, io.ask, io)
  }
  return answers as Answers
}

/** Not asked for, or only on a terminal. */
const isOptional = (option: Question['option'], { ask }: Io): boolean =>
  option === 'listen' || (option === 'dashboard' && ask === undefined)

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
    for (const part of ['apps', 'evidence.yaml', 'safe-search']) {
      cpSync(join(shipped, part), join(rules, part), { recursive: true })
    }
    writeFileAtomic(networks, initialNetworks(policy))
    if (policy.pair !== undefined) writePair(policy.pair, folder, policy.dashboard)
    writeFileAtomic(join(folder, SETTINGS), initialSettings(policy, placesFor(folder)))
  } catch (error) {
    const written = policy.pair === undefined ? [RULES] : [RULES, ...PAIR_FOLDERS]
    for (const path of written.map(part => join(folder, part)).filter(path => existsSync(path)))
      rmSync(path, { recursive: true })
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

/** As in the settings that are written. */
function logFile(folder: string): string {
  const { log } = placesFor(folder)
  return isAbsolute(log) ? log : join(folder, log)
}

/** A token to log in with, or how to make one where the state folder is not this user's. */
async function firstLogin(endpoint: string, folder: string, io: Io): Promise<string> {
  const config = join(folder, SETTINGS)
  const scope = ['read', 'operate', 'policy']
  let token = ''
  const captured = {
    ...io,
    stdout: { ...io.stdout, write: (text: string) => ((token += text), true) },
    stderr: { ...io.stderr, write: () => true }
  }
  try {
    await createToken({ config, name: 'admin', scope, expires: '90d' }, captured)
  } catch {
    token = `what this prints: interdict token create --name admin --scope ${scope.join(' ')} -c ${config}`
  }
  return `
Dashboard, once the gateway runs: http://${endpoint}/
Log in with: ${token.trim()}
Query log: ${logFile(folder)}
`
}

function pairSummary(folder: string): string {
  const pair = join(folder, 'pair')
  return `
For the pair:
  copy ${folder} to the second machine, with its secrets
  install ${pair}/keepalived-1.conf as /etc/keepalived/keepalived.conf, on the second machine keepalived-2.conf;
  or, for anycast, ${pair}/bird.conf and a service that runs ${pair}/anycast
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
