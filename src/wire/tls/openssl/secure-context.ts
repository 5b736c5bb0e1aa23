import { COMMAND, MODE_RELEASE_BUFFERS, OPTIONS, SESSION_CACHE_OFF, TLS_1_2 } from './constants.js'
import { OpenSslError, type OpenSsl } from './openssl.js'

/**
 * A context with the versions and options of clients and servers alike.
 *
 * @param configure does the rest
 * @throws OpenSslError, and then nothing is left of it
 */
export function newSecureContext(
  openSsl: OpenSsl,
  method: number,
  configure: (context: number) => void
): number {
  const context = openSsl.newContext(method)
  try {
    secure(openSsl, context)
    configure(context)
    return context
  } catch (error) {
    openSsl.freeContext(context)
    throw error
  }
}

/** What returns a value instead of success is read back. */
function secure(openSsl: OpenSsl, context: number): void {
  const value = (command: number, number: number): number =>
    openSsl.contextValue(context, command, number, 0)
  const check = (isSet: boolean, what: string): void => {
    if (!isSet) throw new OpenSslError(`it does not set ${what}`)
  }
  const options = BigInt(openSsl.setOptions(context, OPTIONS))
  check((options & OPTIONS) === OPTIONS, 'options')
  openSsl.controlContext(context, COMMAND.setMinVersion, TLS_1_2, 0)
  check(value(COMMAND.getMinVersion, 0) === TLS_1_2, 'the lowest version')
  check((value(COMMAND.mode, MODE_RELEASE_BUFFERS) & MODE_RELEASE_BUFFERS) !== 0, 'modes')
  value(COMMAND.setSessionCache, SESSION_CACHE_OFF)
  check(value(COMMAND.getSessionCache, 0) === SESSION_CACHE_OFF, 'the session cache')
}
