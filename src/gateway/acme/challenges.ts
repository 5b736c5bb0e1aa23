import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import type { AcmeChallenge } from '../config/acme-config.js'
import { showEndpoint } from '../../wire/sockets/endpoint.js'
import type { Endpoint } from '../../wire/sockets/datagram.js'

/** RFC 8555 §8.3. */
const HTTP_PATH = '/.well-known/acme-challenge/'
/** How long a hook may take. */
const HOOK_TIMEOUT: Milliseconds = 300 * MS_PER_SECOND

/** Proves control over names to the ACME server. */
export interface ChallengeSolver {
  readonly type: AcmeChallenge['type']
  /** @throws InterdictError ACME_HOOK */
  present(name: string, token: string, proof: string): Promise<void>
  /** Never throws. */
  remove(name: string, token: string, proof: string): Promise<void>
  close(): void
}

/** @throws InterdictError ACME_LISTEN */
export function openSolver(challenge: AcmeChallenge): Promise<ChallengeSolver> {
  return challenge.type === 'http-01'
    ? listenForHttp(challenge.listen)
    : Promise.resolve(dnsSolver(challenge.hook, challenge.wait))
}

/** Answers the ACME server itself, for as long as the order takes. RFC 8555 §8.3. */
async function listenForHttp(endpoint: Endpoint): Promise<ChallengeSolver> {
  const proofs = new Map<string, string>()
  const server = createServer((request, response) => {
    const proof = proofs.get(request.url ?? '')
    request.resume()
    response.writeHead(proof === undefined ? 404 : 200, {
      'content-type': 'application/octet-stream',
      connection: 'close'
    })
    response.end(proof)
  })
  const { address, port } = endpoint
  server.listen(port, address)
  try {
    await once(server, 'listening')
  } catch (error) {
    throw failure('ACME_LISTEN', showEndpoint(endpoint), reasonOf(error))
  }
  return {
    type: 'http-01',
    present: (_name, token, proof) => {
      proofs.set(HTTP_PATH + token, proof)
      return Promise.resolve()
    },
    remove: (_name, token) => {
      proofs.delete(HTTP_PATH + token)
      return Promise.resolve()
    },
    close: () => {
      server.close()
      server.closeAllConnections()
    }
  }
}

/** Has a program write the TXT record, called as the program `exec` of lego is. RFC 8555 §8.4. */
function dnsSolver(hook: string, wait: Milliseconds): ChallengeSolver {
  const call = (action: string, name: string, proof: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const args = [action, `_acme-challenge.${name}.`, proof]
      execFile(hook, args, { timeout: HOOK_TIMEOUT }, (error, _out, err) => {
        if (error === null) return resolve()
        const [line = ''] = err.trim().split('\n')
        reject(
          failure('ACME_HOOK', `${hook} ${args.join(' ')}`, line === '' ? reasonOf(error) : line)
        )
      })
    })
  return {
    type: 'dns-01',
    present: async (name, _token, proof) => {
      await call('present', name, proof)
      await sleep(wait)
    },
    // The record proves nothing once the order has ended; what is left of it does no harm.
    remove: (name, _token, proof) => call('cleanup', name, proof).catch(() => undefined),
    close: () => undefined
  }
}
