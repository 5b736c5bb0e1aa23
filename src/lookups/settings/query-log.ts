import { basename, dirname, resolve, sep } from 'node:path'
import * as z from 'zod'
import { readPublicKey } from '../../base/files/ed25519.js'
import { duration, size } from '../../policy/yaml/quantity.js'
import { BESIDE } from '../../base/files/places.js'
import type {
  ChainConfig,
  PrivacyConfig,
  QueryLogConfig,
  RetentionConfig,
  WitnessConfig
} from './query-log-config.js'
import { parsedString } from '../../policy/yaml/parsed-string.js'
import { section, type SectionContext } from '../../policy/yaml/section.js'
import type { OutputAddress, OutputConfig } from './output-config.js'
import { readOutputAddress } from './outputs-schema.js'

const path = z.string('a path').min(1, 'a path')
const mode = z.enum(['full', 'prefix', 'pseudonym', 'none'])

const privacy = section({
  default: mode.prefault('full'),
  networks: z.record(z.string(), mode).prefault({}),
  'ipv4-prefix': z.int().min(8).max(32).prefault(24),
  'ipv6-prefix': z.int().min(16).max(128).prefault(56),
  'preserve-prefix': z.boolean().prefault(false),
  keys: path.prefault(BESIDE.keys),
  'rotate-keys': z.enum(['daily', 'monthly']).prefault('daily'),
  'keep-keys': duration('0d', '3650d').prefault('90d')
})

const publicKey = z
  .string()
  .refine(text => readPublicKey(text) !== undefined, 'an Ed25519 public key in base64')

const chain = section({
  'sign-key': z.string('a path').prefault(''),
  'earlier-keys': z.array(publicKey).prefault([]),
  checkpoint: duration('1m', '1d').prefault('1h')
})

/** An address of an output that is not a URL. */
function readSyslogAddress(text: string): OutputAddress | undefined {
  const address = readOutputAddress(text)
  return address?.kind === 'http' || address?.kind === 'https' ? undefined : address
}

const witness = section({
  every: duration('1m', '1d').prefault('10m'),
  tsa: section({
    url: z
      .string()
      .regex(/^(https?:\/\/[^\s/]+(\/\S*)?)?$/, 'a URL such as https://tsa.example/tsr')
      .prefault(''),
    'ca-file': z.string('a path').prefault('')
  }),
  syslog: section({
    to: z
      .union([
        z.literal('').transform(() => undefined),
        parsedString(
          'udp://, tcp:// or tls:// with host and port, or unix:/path',
          readSyslogAddress
        )
      ])
      .prefault(''),
    'ca-file': z.string('a path').prefault('')
  }),
  'hub-key': z
    .union([z.enum(['', 'root']), publicKey], 'an Ed25519 public key in base64, or root')
    .prefault('')
}).superRefine(({ tsa }, context) => {
  if (tsa.url === '' || tsa['ca-file'] !== '') return
  const message = 'the certificate that time stamps of this authority lead to, in PEM'
  context.addIssue({ code: 'custom', path: ['tsa', 'ca-file'], message })
})

const keep = section({
  days: z.int().min(0).max(36_500).prefault(0),
  space: size('0B', '999999GB').prefault('0B'),
  networks: z.record(z.string(), z.int().min(1).max(36_500)).prefault({})
}).superRefine(({ days, networks }, context) => {
  for (const [id, fewer] of Object.entries(networks)) {
    const message = 'at most log.queries.keep.days'
    if (days > 0 && fewer > days)
      context.addIssue({ code: 'custom', path: ['networks', id], message })
  }
})

/** The section `log.queries`. */
export const queryLogSchema = section({
  which: z.enum(['bans', 'blocked', 'all', 'none']).prefault('bans'),
  file: path.prefault(BESIDE.log),
  flush: duration('10ms', '10s').prefault('200ms'),
  rotate: section({
    size: size('1MB', '64GB').prefault('256MB'),
    daily: z.boolean().prefault(true)
  }),
  archive: z.boolean().prefault(true),
  chain,
  witness,
  keep,
  privacy
})

type Settings = z.output<typeof queryLogSchema>

export function queryLogOf(settings: Settings, context: SectionContext): QueryLogConfig {
  const { which, file, flush, rotate, archive } = settings
  const path = resolve(context.folder, file)
  const logFolder = dirname(path)
  return {
    which,
    path,
    flush,
    rotation: { octets: rotate.size, daily: rotate.daily },
    archive,
    privacy: privacyOf(settings.privacy, logFolder, context),
    chain: chainOf(settings, logFolder, context),
    witness: witnessOf(settings, context),
    retention: retentionOf(settings.keep, context)
  }
}

function privacyOf(
  settings: Settings['privacy'],
  logFolder: string,
  { folder, positionOf, addError }: SectionContext
): PrivacyConfig {
  const keys = resolve(folder, settings.keys)
  if (keys === logFolder) {
    const expected = 'a folder other than that of the query log'
    addError('log.queries.privacy.keys', settings.keys, expected)
  }
  return {
    default: settings.default,
    networks: Object.entries(settings.networks).map(([id, mode]) => {
      return { id, mode, position: positionOf(['log', 'queries', 'privacy', 'networks', id]) }
    }),
    bits: { ipv4: settings['ipv4-prefix'], ipv6: settings['ipv6-prefix'] },
    preservePrefix: settings['preserve-prefix'],
    keys: { folder: keys, rotation: settings['rotate-keys'], keep: settings['keep-keys'] }
  }
}

function chainOf(
  { chain, file, witness }: Settings,
  logFolder: string,
  { folder, positionOf, addError }: SectionContext
): ChainConfig | undefined {
  if (chain['sign-key'] === '') return undefined
  const signKey = resolve(folder, chain['sign-key'])
  if (isWithin(signKey, logFolder)) {
    const expected = 'a file outside the folder of the query log'
    addError('log.queries.chain.sign-key', signKey, expected)
  }
  if (basename(file) === 'chain.jsonl')
    addError('log.queries.file', file, 'a name other than that of the chain')
  const position = positionOf(['log', 'queries', 'chain', 'sign-key'])
  const { 'earlier-keys': earlierKeys } = chain
  const coversLive = hasWitness(witness)
  const checkpoint = coversLive ? Math.min(chain.checkpoint, witness.every) : chain.checkpoint
  return { signKey, earlierKeys, checkpoint, coversLive, position }
}

const hasWitness = ({ tsa, syslog, 'hub-key': hubKey }: Settings['witness']): boolean =>
  tsa.url !== '' || syslog.to !== undefined || hubKey !== ''

function witnessOf(
  { witness, chain }: Settings,
  { folder, positionOf, addError }: SectionContext
): WitnessConfig | undefined {
  if (!hasWitness(witness)) return undefined
  if (chain['sign-key'] === '') {
    const expected = 'log.queries.chain.sign-key as well, since a witness confirms the chain'
    addError('log.queries.witness', 'a witness', expected)
  }
  const { every, tsa, syslog, 'hub-key': hubKey } = witness
  const position = positionOf(['log', 'queries', 'witness'])
  const caFile = resolve(folder, tsa['ca-file'])
  return {
    every,
    tsa: tsa.url === '' ? undefined : { url: tsa.url, caFile },
    syslog: syslog.to && syslogOutput(syslog.to, syslog['ca-file'], folder),
    hubKey: hubKey === '' ? undefined : hubKey,
    position
  }
}

/** The connection settings of an output, as checkpoints need them. */
function syslogOutput(to: OutputAddress, caFile: string, folder: string): OutputConfig {
  const ca = caFile === '' ? '' : resolve(folder, caFile)
  return {
    ...{ name: 'witness', type: 'syslog', to, which: 'all', format: 'interdict' },
    ...{ tls: { ca, cert: '', key: '', serverName: to.host }, headers: '', compression: 'none' },
    spool: { folder: '', octets: 0 }
  }
}

function retentionOf(
  { days, space, networks }: Settings['keep'],
  { positionOf }: SectionContext
): RetentionConfig | undefined {
  const shorter = Object.entries(networks).map(([id, fewer]) => {
    return { id, days: fewer, position: positionOf(['log', 'queries', 'keep', 'networks', id]) }
  })
  return days === 0 && space === 0 && shorter.length === 0
    ? undefined
    : { days, space, networks: shorter }
}

function isWithin(path: string, folder: string): boolean {
  return path.startsWith(folder.endsWith(sep) ? folder : folder + sep)
}
