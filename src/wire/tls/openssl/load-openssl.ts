import { loadSystem } from '../../../base/system/linux.js'
import { bindOpenSsl, OpenSslError, type OpenSsl } from './openssl.js'
import { checkOpenSsl } from './openssl-check.js'

/** The first version with all functions and options used here. */
const OLDEST = 0x3000_0000
/** The first minor version that nobody has run the tests and the fuzzer with; those with 3.0 and 3.5 pass. */
const UNTRIED = 0x3060_0000

let loaded: OpenSsl | string | undefined

/** OpenSSL for this thread, or the reason why it cannot be used. */
export function loadOpenSsl(): OpenSsl | string {
  return (loaded ??= load())
}

function load(): OpenSsl | string {
  const system = loadSystem()
  if (typeof system === 'string') return system
  let openSsl: OpenSsl
  try {
    openSsl = bindOpenSsl(system)
  } catch (error) {
    return `OpenSSL is not reachable: ${(error as Error).message}`
  }
  return openSslProblem(openSsl) ?? openSsl
}

/**
 * Why this OpenSSL is not called directly; undefined: its version was tested, and it does here what it did there.
 *
 * @param check throws what does not work
 */
export function openSslProblem(
  openSsl: OpenSsl,
  check: (openSsl: OpenSsl) => void = checkOpenSsl
): string | undefined {
  const { version } = openSsl
  const name = `OpenSSL ${versionText(version)} of Node.js ${process.version}`
  if (version < OLDEST) return `${name} is too old: 3.0 or later is needed`
  if (version >= UNTRIED) return `${name} is newer than any that Interdict was tested with`
  try {
    check(openSsl)
    return undefined
  } catch (error) {
    if (!(error instanceof OpenSslError)) throw error
    return `${name} does not pass the check at the start: ${error.message}`
  }
}

/** From OPENSSL_VERSION_NUMBER of version 3: 0xMNN00PP0. */
function versionText(version: number): string {
  return `${version >>> 28}.${(version >>> 20) & 0xff}.${(version >>> 4) & 0xff}`
}
