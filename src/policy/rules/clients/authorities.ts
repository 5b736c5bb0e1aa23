import { X509Certificate } from 'node:crypto'
import type { Milliseconds, Octets } from '../../../base/units.js'
import { readCrls, subjectOf, type Crl } from '../../../wire/pki/crl.js'
import type { ClientAuthority } from '../model/client-types.js'
import type { FileResult, RuleFiles, TooLarge } from '../model/folder.js'
import type { Location } from '../model/location.js'
import type { AuthorityEntry } from '../schema/clients-schema.js'

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g
const MAX_CERTIFICATES: Octets = 2 ** 20
/** About 700,000 revoked certificates. */
const MAX_CRL: Octets = 32 * 2 ** 20

/**
 * Reads the certificates and revocation lists of an authority. Errors are added to `location`, that of
 * its entry.
 *
 * @param now wall-clock time, for warnings
 */
export async function readAuthority(
  id: string,
  entry: AuthorityEntry,
  files: RuleFiles,
  location: Location,
  now: Milliseconds
): Promise<ClientAuthority> {
  const at = location.at('certificate')
  const certificates = certificatesOf(
    await files.readAtMost(entry.certificate, MAX_CERTIFICATES),
    at,
    entry.certificate
  )
  for (const { validTo } of certificates) {
    if (now > Date.parse(validTo))
      at.warn('RULES_AUTHORITY_EXPIRED', at.pathText, entry.certificate, dateOf(validTo))
  }
  const subjects = certificates.map(subjectOf)
  const revoked = new Set<string>()
  let crlUntil = Infinity
  for (const [i, name] of (entry.crl ?? []).entries()) {
    const here = location.at('crl', ...(entry.crl!.length === 1 ? [] : [i]))
    const file = await files.readAtMost(name, MAX_CRL)
    for (const crl of listsOf(file, here, name)) {
      const issuer = certificates.findIndex(
        (certificate, n) =>
          Buffer.compare(subjects[n]!, crl.issuer) === 0 && crl.isSignedBy(certificate)
      )
      if (issuer === -1) {
        here.error(
          'RULES_CRL',
          here.pathText,
          name,
          'no certificate of this authority has signed it'
        )
      }
      if (crl.nextUpdate < now)
        here.warn('RULES_CRL_EXPIRED', here.pathText, name, dateOf(crl.nextUpdate))
      crlUntil = Math.min(crlUntil, crl.nextUpdate)
      for (const serial of crl.serials) revoked.add(`${issuer}:${serial}`)
    }
  }
  const trusted = certificates.map(one => !isRevoked(one, certificates, revoked))
  return {
    id,
    position: location.keyPosition,
    certificates: certificates.map(one => one.toString()),
    // An authority revoked by another one no longer signs.
    fingerprints: certificates.map((one, i) => (trusted[i] ? one.fingerprint256 : '')),
    revoked: [...revoked].join('\n'),
    crlUntil,
    networks: entry.networks
  }
}

function isRevoked(
  certificate: X509Certificate,
  all: readonly X509Certificate[],
  revoked: ReadonlySet<string>
): boolean {
  const { serialNumber } = certificate
  return all.some((one, i) => certificate.checkIssued(one) && revoked.has(`${i}:${serialNumber}`))
}

function certificatesOf(
  file: FileResult | TooLarge,
  at: Location,
  name: string
): X509Certificate[] {
  const failed = (why: string): X509Certificate[] => {
    at.error('RULES_AUTHORITY', at.pathText, name, why)
    return []
  }
  if (!('octets' in file)) return failed('why' in file ? file.why : TOO_LARGE)
  const blocks = Buffer.from(file.octets).toString('latin1').match(PEM_CERTIFICATE)
  if (blocks === null) return failed('no certificate in PEM (-----BEGIN CERTIFICATE-----)')
  try {
    const found = blocks.map(block => new X509Certificate(block))
    const leaf = found.findIndex(({ ca }) => !ca)
    return leaf === -1
      ? found
      : failed(`certificate ${leaf + 1} is not the certificate of an authority (CA:FALSE)`)
  } catch (error) {
    return failed((error as Error).message)
  }
}

function listsOf(file: FileResult | TooLarge, at: Location, name: string): Crl[] {
  const failed = (why: string): Crl[] => {
    at.error('RULES_CRL', at.pathText, name, why)
    return []
  }
  if (!('octets' in file)) return failed('why' in file ? file.why : TOO_LARGE)
  try {
    return readCrls(file.octets)
  } catch (error) {
    return failed((error as Error).message)
  }
}

const TOO_LARGE = 'it is too large'

function dateOf(time: Milliseconds | string): string {
  return `${new Date(time).toISOString().slice(0, 19)}Z`
}
