import { epochSeconds, systemClock } from '../../base/clock.js'
import type { Seconds } from '../../base/units.js'
import { decodeBundle, encodeBundle } from '../../sources/bundle/bundle.js'
import { BundleFiles } from '../../sources/bundle/files.js'
import { readPrivateKey } from '../../sources/bundle/keys.js'
import { readContent } from '../../sources/bundle/pack.js'
import { writeBundle } from '../../sources/bundle/write.js'
import { settings, type CommonOptions } from '../args/settings.js'
import { EXIT, usage } from '../exit.js'
import { print, type Io } from '../io.js'
import { manifestLines } from './bundle-show.js'
import { judge, toText } from './check.js'

const DAY: Seconds = 86_400

export interface CreateOptions extends CommonOptions {
  readonly output: string
  readonly key?: string
  readonly serial?: string
  readonly days: string
}

/**
 * `interdict bundle`: packs a rules folder, if the rules are right when they are read from the bundle
 * alone, and pass their tests.
 */
export async function create(folder: string, options: CreateOptions, io: Io): Promise<number> {
  const created = epochSeconds(systemClock)
  const serial = wholeNumber('--serial', options.serial ?? String(created), Number.MAX_SAFE_INTEGER)
  const days = wholeNumber('--days', options.days, 36_500)
  const config = await settings(options)
  const keys = options.key === undefined ? [] : [await readPrivateKey(options.key)]
  const content = await readContent(folder)
  const expires = created + days * DAY
  const octets = await encodeBundle(content, { serial, created, expires, keys })
  const bundle = await decodeBundle(octets, options.output)
  const front = `${folder.replace(/\/+$/, '')}/`
  const checked = await judge(new BundleFiles(bundle, { path: folder, front }), config, undefined)
  if (checked.errors.length > 0) {
    io.stderr.write(toText(checked))
    return EXIT.failure
  }
  writeBundle(options.output, octets)
  const lines = [options.output, ...manifestLines(bundle)]
  print(io, `${lines.join('\n')}\n`)
  return EXIT.success
}

/** At least 1. */
function wholeNumber(argument: string, text: string, most: number): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : 0
  return value >= 1 && value <= most
    ? value
    : usage(`${argument}: ${text} is no whole number from 1 to ${most}`)
}
