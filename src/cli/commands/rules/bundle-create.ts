import { readFile } from 'node:fs/promises'
import { failure } from '../../../base/errors/error.js'
import { reasonOf } from '../../../base/errors/reason.js'
import { epochSeconds, systemClock } from '../../../base/time/clock.js'
import type { Seconds } from '../../../base/units.js'
import type { ParsedRequest } from '../../../gateway/processes/requests.js'
import {
  decodeBundle,
  encodeBundle,
  writeBundle,
  type Bundle
} from '../../../sources/bundle/bundle.js'
import { BundleFiles } from '../../../sources/bundle/bundle-files.js'
import { readPrivateKey } from '../../../sources/bundle/signatures.js'
import type { Content } from '../../../sources/bundle/content.js'
import { CatalogueStore } from '../../../sources/catalogue/catalogue-store.js'
import { listCopiesFolder } from '../../../sources/http/list-copies.js'
import type { Config } from '../../../gateway/config/config.js'
import { CATALOGUE_FILE, catalogueIn } from '../../../policy/rules/model/folder.js'
import { readContent } from '../../../sources/bundle/pack.js'
import { parseWholeNumber } from '../../args/parse.js'
import { loadSettings, type CommonOptions } from '../../args/settings.js'
import { EXIT } from '../../exit.js'
import type { Io } from '../../io.js'
import { toText, type CheckResult } from '../../output/rules/check-text.js'
import { printBundle } from './bundle-show.js'
import { checkRules } from './check.js'

const DAY: Seconds = 86_400

export interface CreateOptions extends CommonOptions {
  readonly output: string
  readonly key?: string
  readonly serial?: string
  readonly days: string
  readonly json?: boolean
}

/**
 * `interdict bundle create`: packs a rules folder, if its rules are valid when read back from the
 * bundle, and pass their policy tests.
 */
export async function create(folder: string, options: CreateOptions, io: Io): Promise<number> {
  const { output, key } = options
  const max = Number.MAX_SAFE_INTEGER
  const serial =
    options.serial === undefined
      ? undefined
      : parseWholeNumber('--serial', options.serial, { min: 1, max })
  const days = parseWholeNumber('--days', options.days, { min: 1, max: 36_500 })
  const { bundle, check } = await performCreate({ folder, output, key, serial, days }, options)
  if (bundle === undefined) {
    io.stderr.write(toText(check))
    return EXIT.failure
  }
  printBundle(output, bundle, options.json, io)
  return EXIT.success
}

interface Created {
  /** Undefined: its rules are invalid, or fail their tests. */
  readonly bundle: Bundle | undefined
  readonly check: CheckResult
}

/** @throws InterdictError as `readPrivateKey`, `readContent` and `writeBundle` */
export async function performCreate(
  { folder, output, key, days, ...request }: ParsedRequest<'bundle create'>,
  options: CommonOptions
): Promise<Created> {
  const created = epochSeconds(systemClock)
  const { serial = created } = request
  const config = await loadSettings(options)
  const keys = key === undefined ? [] : [await readPrivateKey(key)]
  const content = await withCatalogue(await readContent(folder), config)
  const expires = created + days * DAY
  const octets = await encodeBundle(content, { serial, created, expires, keys })
  const bundle = await decodeBundle(octets, output)
  const prefix = `${folder.replace(/\/+$/, '')}/`
  const files = new BundleFiles(bundle, { path: folder, prefix })
  const check = await checkRules(files, config, undefined)
  if (check.errors.length > 0) return { bundle: undefined, check }
  writeBundle(output, octets)
  return { bundle, check }
}

/** The catalogue in force belongs to what gateways get, if the settings name one and the folder has none of its own. */
async function withCatalogue(content: Content, config: Config): Promise<Content> {
  if (config.catalogue === undefined || content.has(CATALOGUE_FILE)) return content
  const { file } = new CatalogueStore(catalogueIn(listCopiesFolder(config.state.folder)))
  try {
    return new Map(content).set(CATALOGUE_FILE, await readFile(file))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return content
    throw failure('CATALOGUE_STATE', file, reasonOf(error))
  }
}
