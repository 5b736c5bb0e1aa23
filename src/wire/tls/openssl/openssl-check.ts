import { X509Certificate } from 'node:crypto'
import type { Octets } from '../../../base/units.js'
import { makeCheckCertificate } from './check-certificate.js'
import { CheckConnection, CheckMemory, isTrue } from './check-connection.js'
import { newClientContext } from './client-context.js'
import { COMMAND, TLS_1_2, TLS_1_3 } from './constants.js'
import { checkMemoryLayout } from './memory-layout.js'
import type { OpenSsl } from './openssl.js'
import { OpenSslContexts } from './openssl-contexts.js'

const NAME = 'check.invalid'
const PROTOCOLS = Buffer.from('\u0003dot')
/** More than one record. */
const MUCH: Octets = 20_000
/** openssl/x509_vfy.h: a self-signed certificate that is not trusted. */
const SELF_SIGNED = 18

interface Check {
  readonly openSsl: OpenSsl
  readonly memory: CheckMemory
  readonly server: OpenSslContexts
  readonly certificate: string
  /** Trusts the server, and has a certificate. */
  readonly client: number
}

/**
 * Lets a client and a server of this thread talk to each other in memory, with TLS 1.2 and 1.3, through the same
 * functions, structures and contexts as real connections.
 *
 * @throws OpenSslError what is not as it should be
 */
export function checkOpenSsl(openSsl: OpenSsl): void {
  checkMemoryLayout(openSsl)
  const { certificate, key } = makeCheckCertificate(NAME)
  const dates = { notBefore: 0, notAfter: 0, fingerprint: '' }
  const served = { chain: certificate, key, names: [], ...dates, requestsClientCertificates: true }
  const material = { certificates: [served], ticketKey: new Uint8Array(48) }
  const memory = new CheckMemory(openSsl)
  const server = new OpenSslContexts(openSsl, material, PROTOCOLS, undefined)
  try {
    server.contexts.setClientAuthorities(certificate)
    const client = newClientContext(openSsl, certificate, { certificate, key })
    try {
      const check = { openSsl, memory, server, certificate, client }
      for (const version of [TLS_1_2, TLS_1_3]) checkVersion(check, version)
      checkDistrust(check)
    } finally {
      openSsl.freeContext(client)
    }
  } finally {
    server.close()
    memory.free()
  }
}

function checkVersion(check: Check, version: number): void {
  const { openSsl, client } = check
  openSsl.controlContext(client, COMMAND.setMaxVersion, version, 0)
  const session = connected(check, client, undefined, (one, other) => {
    isTrue(!one.isResumed && !other.isResumed, 'a first connection is not resumed')
    for (const side of [one, other]) {
      isTrue(side.version === version, 'the version is the highest of both')
      isTrue(isSame(side.peerCertificate, check.certificate), 'certificates arrive')
    }
    isTrue(other.serverName === NAME, 'the server name arrives')
    isTrue(one.alpn === 'dot' && other.alpn === 'dot', 'ALPN chooses a protocol')
    other.forgetKeyShare()
    exchange(one, other)
    const { session } = one
    checkEnd(one, other)
    return session
  })
  connected(check, client, session, (one, other) => {
    isTrue(one.isResumed && other.isResumed, 'a session is resumed')
    exchange(one, other)
    checkErrors(check, one, other)
  })
}

/** A client that trusts nobody must say so. */
function checkDistrust(check: Check): void {
  const client = newClientContext(check.openSsl, '', undefined)
  try {
    connected(check, client, undefined, (one, other) => {
      isTrue(one.verifyResult === SELF_SIGNED, 'an unknown authority is not trusted')
      isTrue(other.peerCertificate === undefined, 'a client has a certificate only if it sends one')
    })
  } finally {
    check.openSsl.freeContext(client)
  }
}

/** Calls `use` with both ends of a connection. */
function connected<Result>(
  { openSsl, memory, server }: Check,
  client: number,
  session: Buffer | undefined,
  use: (one: CheckConnection, other: CheckConnection) => Result
): Result {
  const one = new CheckConnection(openSsl, memory, client)
  const other = new CheckConnection(openSsl, memory, server.contexts.first.context)
  try {
    one.beginAsClient(NAME, PROTOCOLS, session)
    other.beginAsServer()
    one.shakeWith(other)
    return use(one, other)
  } finally {
    one.free()
    other.free()
  }
}

/** Octets in both directions; the server's ticket leaves with its own. */
function exchange(one: CheckConnection, other: CheckConnection): void {
  const octets = Buffer.alloc(MUCH, 'check ')
  one.write(octets)
  isTrue(other.readFrom(one).equals(octets), 'the server reads what the client writes')
  other.sendTicket()
  other.write(octets)
  isTrue(one.readFrom(other).equals(octets), 'the client reads what the server writes')
}

function checkEnd(one: CheckConnection, other: CheckConnection): void {
  one.shutdown()
  isTrue(other.isClosedBy(one), 'an end is told from an error')
}

/** An error is a connection's own. */
function checkErrors(
  { openSsl, memory, server }: Check,
  one: CheckConnection,
  other: CheckConnection
): void {
  const unfinished = new CheckConnection(openSsl, memory, server.contexts.first.context)
  try {
    unfinished.beginAsServer()
    isTrue(unfinished.shutdown() < 0, 'a connection in its handshake is not shut down')
    one.write(Buffer.from('first'))
    isTrue(other.hasPartOf(one), 'a part of a record is not an error')
    isTrue(other.rejectsBroken(one), 'a broken record is an error')
    isTrue(openSsl.lastError() !== undefined, 'an error has a text')
  } finally {
    unfinished.free()
  }
}

function isSame(der: Buffer | undefined, pem: string): boolean {
  return der !== undefined && new X509Certificate(pem).raw.equals(der)
}
