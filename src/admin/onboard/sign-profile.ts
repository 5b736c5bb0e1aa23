import { execFile } from 'node:child_process'
import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'

/** How long OpenSSL may take. */
const TIMEOUT = 30_000

/**
 * Signs a profile: CMS SignedData with the content inside (RFC 5652 §5), DER, by the `openssl` of the system.
 *
 * @param certificate file in PEM: the certificate of the signer, then its issuers, which are included
 * @param key file in PEM
 * @param env environment of `openssl`, with the PATH where it is
 * @throws InterdictError ONBOARD_SIGN
 */
export function signProfile(
  profile: string,
  certificate: string,
  key: string,
  env: NodeJS.ProcessEnv
): Promise<Buffer> {
  const args = ['-sign', '-binary', '-nodetach', '-md', 'sha256', '-outform', 'DER']
  const files = ['-signer', certificate, '-inkey', key, '-certfile', certificate]
  return new Promise((resolve, reject) => {
    const options = { encoding: 'buffer', timeout: TIMEOUT, env } as const
    const child = execFile('openssl', ['cms', ...args, ...files], options, (error, out, err) => {
      if (error === null) return resolve(out)
      const [line = ''] = err.toString().trim().split('\n')
      const why = line === '' ? reasonOf(error, certificate) : line
      reject(failure('ONBOARD_SIGN', certificate, key, why))
    })
    // OpenSSL may end before it has read everything; the callback reports why.
    child.stdin!.on('error', () => undefined)
    child.stdin!.end(profile)
  })
}
