import { isAbsolute, resolve } from 'node:path'
import { BESIDE, isInEtc, placesFor, TOKEN_WORDS } from '../../base/files/places.js'
import type { KeyFile } from './config.js'
import type { Settings } from './settings-schema.js'
import type { WrittenServer } from '../../policy/yaml/upstream-servers.js'
import type { SectionContext } from '../../policy/yaml/section.js'

/**
 * Gives what a gateway writes the places of the system if the settings are in /etc, which is for settings
 * only. Another relative path is an error there: where it leads to would have to be guessed.
 */
export function placeWritten(
  { state, admin, acme, log, reports }: Settings,
  { folder, addError }: SectionContext
): void {
  if (!isInEtc(folder)) return
  const system = placesFor(folder)
  if (log.queries.file === BESIDE.log) log.queries.file = system.log
  if (state.folder === BESIDE.state) state.folder = system.state
  if (log.queries.privacy.keys === BESIDE.keys) log.queries.privacy.keys = system.keys
  const written = [
    ['log.queries.file', log.queries.file, system.log],
    ['state.folder', state.folder, system.state],
    ['log.queries.privacy.keys', log.queries.privacy.keys, system.keys],
    [
      'admin.tokens',
      TOKEN_WORDS.includes(admin.tokens) ? '' : admin.tokens,
      '/var/lib/interdict/tokens.json'
    ],
    [
      'acme.account-key',
      acme['account-key'] === 'auto' ? '' : acme['account-key'],
      '/var/lib/interdict/acme-account.key'
    ],
    ['acme.certificate', acme.certificate, '/var/lib/interdict/dns.pem'],
    ['acme.key', acme.key, '/var/lib/interdict/dns.key'],
    ['log.service.file', log.service.file, '/var/log/interdict/service.log'],
    ...log.outputs.map(({ spool }, i) => {
      return [`log.outputs.${i}.spool`, spool, '/var/lib/interdict/spool'] as const
    }),
    ...reports.map((report, i) => {
      return [`reports.${i}.folder`, report.folder, '/var/lib/interdict/reports'] as const
    })
  ] as const
  for (const [key, path, example] of written) {
    if (path === '' || path === '-' || isAbsolute(path)) continue
    addError(key, path, `an absolute path such as ${example}, since nothing is written to /etc`)
  }
}

type Path = readonly (string | number)[]
/** Where a path is in the settings; '' and undefined: none is set. */
type Named = readonly [at: Path, file: string | undefined]

/**
 * The files with private keys and secrets that the settings name, except where whoever reads the file checks its mode:
 * `listen`, `tls`, `admin`, `alerts`, `proxy`, `smtp` and `log.queries.chain`.
 */
export function keyFilesOf(settings: Settings, context: SectionContext): readonly KeyFile[] {
  const { upstreams, cookies, acme, transfers, fleet, log } = settings
  const { bootstrap, headers } = settings['remote-lists']
  const accountKey = acme['account-key']
  const named: readonly Named[] = [
    ...clientKeys(['upstreams', 'servers'], upstreams.servers),
    ...Object.entries(upstreams.forward).flatMap(([domain, servers]) =>
      clientKeys(['upstreams', 'forward', domain], servers)
    ),
    ...clientKeys(['remote-lists', 'bootstrap'], bootstrap),
    ...Object.entries(headers).map(([host, file]): Named => [
      ['remote-lists', 'headers', host],
      file
    ]),
    [['cookies', 'secret-file'], cookies['secret-file']],
    // By default it is in the state folder, which no other user may enter.
    [['acme', 'account-key'], accountKey === 'auto' ? '' : accountKey],
    [['acme', 'external-account', 'key-file'], acme['external-account']['key-file']],
    [['acme', 'key'], acme.key],
    ...Object.entries(transfers.keys).map(([name, key]): Named => {
      return [['transfers', 'keys', name, 'secret-file'], key['secret-file']]
    }),
    ...settings.bindings.feeds.flatMap(({ nas = [] }, feed) =>
      nas.map((one, i): Named => [
        ['bindings', 'feeds', feed, 'nas', i, 'secret-file'],
        one['secret-file']
      ])
    ),
    [['egress', 'export-key'], settings.egress['export-key']],
    [['fleet', 'credentials'], fleet?.credentials],
    [['fleet', 'key'], fleet?.key],
    [['fleet', 'logs', 'credentials'], fleet?.logs?.credentials],
    ...log.outputs.flatMap(({ key, headers }, i): Named[] => [
      [['log', 'outputs', i, 'key'], key],
      [['log', 'outputs', i, 'headers'], headers]
    ])
  ]
  return named.flatMap(([at, file]) =>
    file === undefined || file === ''
      ? []
      : [{ file: resolve(context.folder, file), position: context.positionOf(at) }]
  )
}

function clientKeys(at: Path, servers: readonly WrittenServer[]): readonly Named[] {
  return servers.map(({ tls }, i) => [[...at, i, 'client-key'], tls?.client?.key])
}
