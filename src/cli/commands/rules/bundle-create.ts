import { epochSeconds, systemClock } from '../../../base/time/clock.js'
import type { Seconds } from '../../../base/units.js'
import { decodeBundle, encodeBundle, writeBundle } from '../../../sources/bundle/bundle.js'
import { BundleFiles } from '../../../sources/bundle/bundle-files.js'
import { readPrivateKey } from '../../../sources/bundle/signatures.js'
import { readContent } from '../../../sources/bundle/pack.js'
import { parseWholeNumber } from '../../args/parse.js'
import { loadSettings, type CommonOptions } from '../../args/settings.js'
import { EXIT } from '../../exit.js'
import type { Io } from '../../io.js'
import { toText } from '../../output/rules/check-text.js'
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
  const created = epochSeconds(systemClock)
  const serial = parseWholeNumber('--serial', options.serial ?? String(created), {
    min: 1,
    max: Number.MAX_SAFE_INTEGER
  })
  const days = parseWholeNumber('--days', options.days, { min: 1, max: 36_500 })
  const config = await loadSettings(options)
  const keys = options.key === undefined ? [] : [await readPrivateKey(options.key)]
  const content = await readContent(folder)
  const expires = created + days * DAY
  const octets = await encodeBundle(content, { serial, created, expires, keys })
  const bundle = await decodeBundle(octets, options.output)
  const prefix = `${folder.replace(/\/+$/, '')}/`
  const result = await checkRules(
    new BundleFiles(bundle, { path: folder, prefix }),
    config,
    undefined
  )
  if (result.errors.length > 0) {
    io.stderr.write(toText(result))
    return EXIT.failure
  }
  writeBundle(options.output, octets)
  printBundle(options.output, bundle, options.json, io)
  return EXIT.success
}
