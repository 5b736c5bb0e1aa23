import { dirname, resolve } from 'node:path'
import { BESIDE, placesFor, TOKEN_WORDS } from '../../base/files/places.js'
import { isPublicKey } from '../config/rules-section.js'

/**
 * Kinds of paths: a file or folder that belongs in a backup, the query log, the folder of pseudonym keys, or anything
 * else, which the gateway creates or which is not a file.
 */
export type PathKind = 'file' | 'folder' | 'log' | 'keys' | 'other'

/** The settings of an upstream that name files. */
const upstream = (at: string): Record<string, PathKind> => ({
  [`${at}.ca`]: 'file',
  [`${at}.client-certificate`]: 'file',
  [`${at}.client-key`]: 'file'
})

/** Each setting that names a file or folder. `[]` stands for each entry of a list, `*` for each key of a mapping. */
export const SETTINGS_PATHS: Readonly<Record<string, PathKind>> = {
  'listen[].certificate': 'file',
  'listen[].key': 'file',
  'listen[].certificates[].certificate': 'file',
  'listen[].certificates[].key': 'file',
  'tls.ticket-secret': 'file',
  rules: 'folder',
  'rules.folder': 'folder',
  'rules.bundle': 'file',
  'rules.keys[]': 'file',
  'rules.root': 'file',
  'rules.mandates.folder': 'folder',
  'rules.mandates.keys[]': 'file',
  'catalogue.keys[]': 'file',
  'asn-database': 'file',
  ...upstream('upstreams.servers[]'),
  ...upstream('upstreams.forward.*[]'),
  ...upstream('remote-lists.bootstrap[]'),
  'acme.ca-file': 'file',
  'acme.account-key': 'file',
  'acme.external-account.key-file': 'file',
  'acme.dns-hook': 'file',
  'acme.certificate': 'file',
  'acme.key': 'file',
  'cookies.secret-file': 'file',
  'state.folder': 'folder',
  'remote-lists.ca-file': 'file',
  'bindings.feeds[].nas[].secret-file': 'file',
  'remote-lists.headers.*': 'file',
  'proxy.credentials-file': 'file',
  'proxy.ca-file': 'file',
  'transfers.keys.*.secret-file': 'file',
  'admin.socket': 'other',
  'admin.tls.certificate': 'file',
  'admin.tls.key': 'file',
  'admin.tokens': 'file',
  'admin.oidc.client-secret-file': 'file',
  'admin.oidc.ca-file': 'file',
  'alerts[].secret-file': 'file',
  'alerts[].ca-file': 'file',
  'probe.ca-file': 'file',
  'reports[].folder': 'folder',
  'smtp.password-file': 'file',
  'smtp.ca-file': 'file',
  'egress.export-key': 'file',
  'fleet.credentials': 'file',
  'fleet.ca-file': 'file',
  'fleet.certificate': 'file',
  'fleet.key': 'file',
  'fleet.logs.to': 'other',
  'fleet.logs.credentials': 'file',
  'log.service.file': 'other',
  'log.queries.file': 'log',
  'log.queries.chain.sign-key': 'file',
  'log.queries.witness.tsa.ca-file': 'file',
  'log.queries.witness.syslog.ca-file': 'file',
  'log.queries.privacy.keys': 'keys',
  'log.outputs[].ca': 'file',
  'log.outputs[].cert': 'file',
  'log.outputs[].key': 'file',
  'log.outputs[].headers': 'file',
  'log.outputs[].spool': 'other'
}

/** A path in the settings. */
export interface SettingsPath {
  /** Its setting, as `listen.0.certificate`. */
  readonly key: string
  readonly kind: PathKind
  /** Absolute. */
  readonly path: string
}

/** Values that are not paths. */
const WORDS = ['', '-', 'nats', ...TOKEN_WORDS]
const isPath = (text: string): boolean =>
  !WORDS.includes(text) && !isPublicKey(text) && !text.startsWith('s3://')

type Mapping = Record<string, unknown>

/**
 * All paths that settings name, with the defaults of those that every gateway has.
 *
 * @param settings as the YAML file has them, valid
 * @param file that they are in
 */
export function settingsPaths(settings: unknown, file: string): readonly SettingsPath[] {
  const found: SettingsPath[] = []
  mapSettingsPaths(settings, file, one => {
    found.push(one)
    return one.path
  })
  return found
}

/** A copy of the settings with other paths, all of them absolute. @param change returns the path to use */
export function mapSettingsPaths(
  settings: unknown,
  file: string,
  change: (one: SettingsPath) => string
): unknown {
  const folder = dirname(resolve(file))
  const copy = withDefaults(structuredClone(settings ?? {}) as Mapping, folder)
  for (const [pattern, kind] of Object.entries(SETTINGS_PATHS)) {
    visit(copy, pattern.replaceAll('[]', '.[]').split('.'), '', (key, text) =>
      isPath(text) ? change({ key, kind, path: resolve(folder, text) }) : text
    )
  }
  return copy
}

function withDefaults(settings: Mapping, folder: string): Mapping {
  const system = placesFor(folder)
  settings.rules ??= 'rules'
  const place = (keys: readonly string[], beside: string, path: string): void => {
    let at = settings
    for (const key of keys.slice(0, -1)) at = (at[key] ??= {}) as Mapping
    const last = keys.at(-1)!
    if ((at[last] ?? beside) === beside) at[last] = path
  }
  place(['state', 'folder'], BESIDE.state, system.state)
  place(['log', 'queries', 'file'], BESIDE.log, system.log)
  place(['log', 'queries', 'privacy', 'keys'], BESIDE.keys, system.keys)
  return settings
}

/** Replaces each text at the steps below a value. */
function visit(
  at: unknown,
  [step, ...rest]: readonly string[],
  key: string,
  replace: (key: string, text: string) => string
): void {
  if (typeof at !== 'object' || at === null || step === undefined) return
  const isList = Array.isArray(at)
  if (isList !== (step === '[]')) return
  const mapping = at as Mapping
  for (const name of isList || step === '*' ? Object.keys(at) : [step]) {
    const value = mapping[name]
    const path = key === '' ? name : `${key}.${name}`
    if (rest.length > 0) visit(value, rest, path, replace)
    else if (typeof value === 'string') mapping[name] = replace(path, value)
  }
}
