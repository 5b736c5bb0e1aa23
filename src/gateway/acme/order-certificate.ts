import { createPrivateKey, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import * as acme from 'acme-client'
import { failure, InterdictError } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import { MS_PER_SECOND } from '../../base/units.js'
import type { AcmeConfig } from '../config/acme-config.js'
import type { ChallengeSolver } from './challenges.js'
import { acmeHttp } from './http.js'
import type { CertificateText } from './replace-files.js'

/** How often and at which intervals the server is asked whether a challenge or order is finished: a minute and a half. */
const POLL = { backoffAttempts: 12, backoffMin: MS_PER_SECOND, backoffMax: 10 * MS_PER_SECOND }

/** Secrets and files of `AcmeConfig`, read. */
export interface AcmeSecrets {
  /** PEM. */
  readonly accountKey: string
  /** PEM; undefined: the built-in CA certificates only. */
  readonly ca: string | undefined
  /** Base64url. */
  readonly externalKey: string | undefined
}

/** Whether the ACME server can be reached. @throws InterdictError ACME_SERVER */
export async function checkDirectory(config: AcmeConfig, secrets: AcmeSecrets): Promise<void> {
  const client = openClient(config, secrets)
  await attempt(config, () => client.getTermsOfServiceUrl())
}

/**
 * Orders a certificate with a new P-256 key. RFC 8555 §7.
 *
 * @param names host names and addresses
 * @param replaces id of the certificate that it replaces, if the server gives renewal information: RFC 9773 §5
 * @throws InterdictError ACME_SERVER, ACME_TERMS, ACME_CHALLENGE, ACME_HOOK
 */
export async function orderCertificate(
  config: AcmeConfig,
  secrets: AcmeSecrets,
  names: readonly string[],
  solver: ChallengeSolver,
  replaces?: string
): Promise<CertificateText> {
  const client = openClient(config, secrets)
  const request = <T>(run: () => Promise<T>): Promise<T> => attempt(config, run)
  const terms = (await request(() => client.getTermsOfServiceUrl())) as string | null
  if (terms !== null && !config.acceptsTerms) throw failure('ACME_TERMS', terms)
  await request(() =>
    client.createAccount({
      termsOfServiceAgreed: config.acceptsTerms,
      contact: config.contact.map(address => `mailto:${address}`)
    })
  )
  const identifiers = names.map(value => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value }))
  // Servers exempt it from rate limits then.
  const replacing = replaces === undefined ? undefined : { identifiers, replaces }
  const order = await request(() =>
    client.createOrder(replacing ?? { identifiers }).catch((error: unknown) => {
      // The certificate was replaced before, or belongs to another account.
      if (replacing === undefined) throw error
      return client.createOrder({ identifiers })
    })
  )
  for (const authorization of await request(() => client.getAuthorizations(order)))
    await authorize(client, authorization, solver)
  const key = (await acme.crypto.createPrivateEcdsaKey()).toString()
  const [, csr] = await acme.crypto.createCsr({ altNames: [...names] }, key)
  const certificate = await request(async () => {
    const issued = await client.getCertificate(await client.finalizeOrder(order, csr))
    checkIssued(issued, key)
    return issued
  })
  return { certificate, key }
}

/** The gateway would refuse another certificate. @throws Error */
function checkIssued(certificate: string, key: string): void {
  if (!new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key)))
    throw new Error('the certificate that it issued belongs to another key')
}

/** Proves control over one name. */
async function authorize(
  client: acme.Client,
  authorization: acme.Authorization,
  solver: ChallengeSolver
): Promise<void> {
  if (authorization.status === 'valid') return
  const { value: name } = authorization.identifier
  const challenge = authorization.challenges.find(({ type }) => type === solver.type)
  if (challenge === undefined)
    throw failure('ACME_CHALLENGE', name, `the server does not offer ${solver.type} for it`)
  const { token } = challenge as { token: string }
  const proof = await client.getChallengeKeyAuthorization(challenge)
  try {
    await solver.present(name, token, proof)
    await client.completeChallenge(challenge)
    await client.waitForValidStatus(challenge)
  } catch (error) {
    throw error instanceof InterdictError
      ? error
      : failure('ACME_CHALLENGE', name, reasonOf(error, name))
  } finally {
    await solver.remove(name, token, proof)
  }
}

async function attempt<T>({ directory }: AcmeConfig, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    throw failure('ACME_SERVER', directory, reasonOf(error, directory))
  }
}

function openClient(config: AcmeConfig, secrets: AcmeSecrets): acme.Client {
  acmeHttp(secrets.ca, config.proxy)
  const { externalKey } = secrets
  return new acme.Client({
    directoryUrl: config.directory,
    accountKey: secrets.accountKey,
    ...(config.externalAccount !== undefined &&
      externalKey !== undefined && {
        externalAccountBinding: { kid: config.externalAccount.keyId, hmacKey: externalKey }
      }),
    ...POLL
  })
}
