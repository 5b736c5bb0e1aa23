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
  const content = await readContent(folder)
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
