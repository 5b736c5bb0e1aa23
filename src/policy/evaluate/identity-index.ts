import { timingSafeEqual } from 'node:crypto'
import { PrefixTable } from '../../base/values/prefix-table.js'
import type { CertificateFacts } from '../../wire/pki/client-certificate.js'
import type {
  Identification,
  IdentityFinder,
  IdentityMethod,
  ClientCredentials
} from '../../wire/pki/identity.js'
import type { CertificateMatch } from '../rules/model/client-types.js'
import type { IdentityEntry } from '../tables/identity-table.js'
import { addressClassOf } from './client-pair.js'
import type { Policy } from './policy.js'

/** A client, and what the `*` of its rule stands for. */
interface Match {
  readonly client: IdentityEntry
  readonly rest: string | undefined
}

/** Of the hexadecimal digest of a token: which tokens to compare with. */
const BUCKET_DIGITS = 4
/** Longest text in place of a `*`: longer ones identify nobody, so that each name in the log is whole. */
const MAX_REST = 128

/** Of a client that is not recognized: its address alone counts. */
const BY_ADDRESS = { clientClass: 0, addressClass: 0 } as const

/** Finds the clients of one snapshot by what they present. */
export class IdentityIndex implements IdentityFinder {
  private readonly byLabel = new Map<string, IdentityEntry>()
  private readonly byToken = new Map<string, { hash: Buffer; client: IdentityEntry }[]>()
  private readonly byValue = new Map<string, IdentityEntry>()
  private readonly byPattern = new Map<
    string,
    { match: CertificateMatch; client: IdentityEntry }[]
  >()
  private readonly byId = new Map<string, IdentityEntry>()
  /** Fingerprint of an issuer to its authority. */
  private readonly issuers = new Map<string, { id: string; at: number }>()
  private readonly revoked = new Map<string, ReadonlySet<string>>()
  private readonly classTables = new Map<number, number | PrefixTable>()

  constructor(private readonly policy: Policy) {
    const { identities } = policy.snapshot.clients
    for (const client of identities?.clients ?? []) this.add(client)
    for (const { id, fingerprints, revoked } of identities?.authorities ?? []) {
      for (const [at, print] of fingerprints.entries())
        if (print !== '' && !this.issuers.has(print)) this.issuers.set(print, { id, at })
      this.revoked.set(id, new Set(revoked.split('\n')))
    }
    for (const [network, classes] of identities?.classes ?? [])
      this.classTables.set(
        network,
        typeof classes === 'number' ? classes : new PrefixTable(classes)
      )
    // The longer the literal text, the more a pattern says.
    for (const patterns of this.byPattern.values())
      patterns.sort((a, b) => b.match.value.length - a.match.value.length)
  }

  /** By its certificate, else by its token, else by the server name; what is revoked outweighs the others. */
  identify(credentials: ClientCredentials, address: Uint32Array): Identification | undefined {
    const { certificate, token, label } = credentials
    const found = [
      certificate && this.byCertificate(certificate, address),
      token &&
        this.identificationOf('token', this.findToken(token), address, 'no client has this token'),
      label === undefined
        ? undefined
        : this.identificationOf('sni', this.findLabel(label), address, 'no client has this label')
    ].filter(one => one !== undefined)
    return (
      found.find(({ status }) => status === 'revoked') ??
      found.find(({ status }) => status !== 'unknown') ??
      found[0]
    )
  }

  /**
   * The identification of a client by its id, or by the name of a device of a group, as `identify` gives it for
   * one that presents the right thing.
   */
  named(name: string, address: Uint32Array): Identification | undefined {
    const slash = name.indexOf('/')
    const client = this.byId.get(slash === -1 ? name : name.slice(0, slash))
    const rest = slash === -1 ? undefined : name.slice(slash + 1)
    if (client === undefined) return undefined
    const method =
      client.certificates.length > 0 ? 'certificate' : client.tokens.length > 0 ? 'token' : 'sni'
    return this.identificationOf(method, { client, rest }, address, '')
  }

  private add(client: IdentityEntry): void {
    this.byId.set(client.id, client)
    for (const label of client.labels) this.byLabel.set(label, client)
    for (const token of client.tokens) {
      const key = token.slice(0, BUCKET_DIGITS)
      const bucket = this.byToken.get(key) ?? []
      bucket.push({ hash: Buffer.from(token, 'hex'), client })
      this.byToken.set(key, bucket)
    }
    for (const match of client.certificates) {
      const { authority, field, value } = match
      if (!value.includes('*')) this.byValue.set(keyOf(authority, field, value), client)
      else {
        const key = keyOf(authority, field, '')
        const patterns = this.byPattern.get(key) ?? []
        patterns.push({ match, client })
        this.byPattern.set(key, patterns)
      }
    }
  }

  private byCertificate(facts: CertificateFacts, address: Uint32Array): Identification {
    const { issuer = '', problem, serial, subject } = facts
    const detail = `subject ${subject}, serial number ${serial}`
    const authority = this.issuers.get(issuer)
    if (problem !== undefined || authority === undefined) {
      const reason = problem ?? 'its authority is not in the rules any more'
      return { ...this.identificationOf('certificate', undefined, address, reason), detail }
    }
    const { id, at } = authority
    const match = this.findCertificate(id, facts)
    const found = this.identificationOf('certificate', match, address, 'no client has its names')
    if (!this.revoked.get(id)!.has(`${at}:${serial}`)) return { ...found, detail }
    const reason = `authority ${id} has revoked the certificate`
    return { ...found, ...BY_ADDRESS, status: 'revoked', reason, detail }
  }

  private findCertificate(authority: string, facts: CertificateFacts): Match | undefined {
    const values = [
      ['uri', facts.uris],
      ['dns', facts.names],
      ['subject', [facts.subject]]
    ] as const
    for (const [field, all] of values) {
      for (const value of all) {
        const client = this.byValue.get(keyOf(authority, field, value))
        if (client !== undefined) return { client, rest: undefined }
      }
    }
    for (const [field, all] of values) {
      for (const { match, client } of this.byPattern.get(keyOf(authority, field, '')) ?? []) {
        for (const value of all) {
          const rest = restOf(match, value)
          if (rest !== undefined) return { client, rest }
        }
      }
    }
    return undefined
  }

  private findLabel(label: string): Match | undefined {
    const client = this.byLabel.get(label)
    return client && { client, rest: undefined }
  }

  /** Compares whole digests in constant time; which ones depends on the first octets of a digest only. */
  private findToken(hash: Uint8Array): Match | undefined {
    const key = Buffer.from(hash.buffer, hash.byteOffset, hash.length).toString('hex')
    let found: IdentityEntry | undefined
    for (const { hash: known, client } of this.byToken.get(key.slice(0, BUCKET_DIGITS)) ?? [])
      if (timingSafeEqual(known, hash)) found = client
    return found && { client: found, rest: undefined }
  }

  private identificationOf(
    method: IdentityMethod,
    match: Match | undefined,
    address: Uint32Array,
    reason: string
  ): Identification {
    if (match === undefined) {
      const nobody = { device: undefined, client: undefined }
      return { status: 'unknown', method, ...BY_ADDRESS, ...nobody, reason }
    }
    const { client, rest } = match
    const device = rest === undefined ? client.id : `${client.id}/${rest}`
    const known = { method, device, client: client.id }
    if (client.isRevoked) {
      const reason = `client ${client.id} is revoked in the rules`
      return { ...known, ...BY_ADDRESS, status: 'revoked', reason }
    }
    const { policy } = this
    const classes = this.classTables.get(client.network)!
    const clientClass = typeof classes === 'number' ? classes : classes.find(address, 0)
    const ofAddress = policy.classOf(address, 0)
    const addressClass = addressClassOf(policy.snapshot.clients, clientClass, ofAddress)
    return { ...known, status: 'known', clientClass, addressClass, reason: undefined }
  }
}

function keyOf(authority: string, field: CertificateMatch['field'], value: string): string {
  return `${authority} ${field} ${value}`
}

/** The text in place of the `*`; undefined: no match. In a subject it is part of one value. */
function restOf({ field, value: pattern }: CertificateMatch, value: string): string | undefined {
  const star = pattern.indexOf('*')
  const [start, end] = [pattern.slice(0, star), pattern.slice(star + 1)]
  const length = value.length - start.length - end.length
  if (length < 1 || !value.startsWith(start) || !value.endsWith(end)) return undefined
  const rest = value.slice(start.length, start.length + length)
  // Other characters could make two names look alike, and would need quoting in the log.
  if (length > MAX_REST || !/^[!#-[\]-~]+$/.test(rest)) return undefined
  return field === 'subject' && rest.includes(',') ? undefined : rest
}
