import { hkdfSync } from 'node:crypto'
import type { Octets } from '../../../base/units.js'
import {
  CertificateContexts,
  type ContextTerms,
  type TlsMaterial
} from '../certificate-contexts.js'
import { SESSION_CONTEXT, SESSION_LIFETIME } from '../server-contexts.js'
import { algorithmLists } from '../tls-algorithms.js'
import { COMMAND } from './constants.js'
import { useCertificate, useCertificates } from './encoding.js'
import type { OpenSsl } from './openssl.js'
import { newSecureContext } from './secure-context.js'

/** SSL_VERIFY_PEER: asks for a certificate, requires none. */
const VERIFY_PEER = 1
const VERIFY_NONE = 0
/** openssl/tls1.h: results of the callbacks for server name and ALPN. */
const OK = 0
const ALERT_FATAL = 2
const NO_ACKNOWLEDGEMENT = 3
/** SSL_select_next_proto: there is one in common. */
const NEGOTIATED = 1
/** Of the key in OpenSSL's form: name, HMAC key, AES key. */
const TICKET_NAME: Octets = 16
const TICKET_SECRETS: Octets = 64

/** A list of protocols for ALPN in memory. */
interface ProtocolList {
  readonly address: number
  readonly length: Octets
}

const NO_PROTOCOLS: ProtocolList = { address: 0, length: 0 }

/** The servers of this thread, by the number that OpenSSL passes to the callbacks. */
const servers = new Map<number, OpenSslContexts>()
let lastNumber = 0
let callbacks: Callbacks | undefined
const protocolLists = new Map<string, ProtocolList & { readonly buffer: ArrayBuffer }>()

/** Functions of this thread that OpenSSL calls during handshakes. */
interface Callbacks {
  readonly onServerName: bigint
  readonly onAlpn: bigint
  readonly onVerify: bigint
}

/**
 * The certificates of a TLS server with OpenSSL itself: with the same protocol versions, ciphers and tickets as
 * `ServerContexts`.
 */
export class OpenSslContexts {
  readonly contexts: CertificateContexts<number>
  readonly protocols: ProtocolList
  private readonly number = ++lastNumber

  /**
   * @param protocols for ALPN, in order of preference, each with its length in front (RFC 7301 §3.1); a client need
   *   not ask for one
   * @param record longest record to send; undefined: OpenSSL's own
   */
  constructor(
    openSsl: OpenSsl,
    material: TlsMaterial,
    protocols: Buffer,
    record: Octets | undefined
  ) {
    callbacks ??= registerCallbacks(openSsl)
    this.protocols = protocolList(openSsl, protocols)
    servers.set(this.number, this)
    const { number } = this
    const create = (terms: ContextTerms): number => newContext(openSsl, terms, number, record)
    this.contexts = new CertificateContexts(material, create, openSsl.freeContext)
  }

  /** No connection may begin its handshake afterwards, or be in it. */
  close(): void {
    servers.delete(this.number)
    this.contexts.close()
  }
}

function protocolList(openSsl: OpenSsl, protocols: Buffer): ProtocolList {
  const key = protocols.toString('latin1')
  const known = protocolLists.get(key)
  if (known !== undefined) return known
  const memory = openSsl.system.map(protocols.length)
  new Uint8Array(memory.buffer).set(protocols)
  const list = { ...memory, length: protocols.length }
  protocolLists.set(key, list)
  return list
}

function registerCallbacks(openSsl: OpenSsl): Callbacks {
  return {
    onServerName: openSsl.callback(
      'int onServerName(size_t connection, size_t alert, size_t server)',
      ALERT_FATAL,
      (connection, _, server) => {
        const name = openSsl.serverName(connection, 0)
        if (name === null) return NO_ACKNOWLEDGEMENT
        const found = servers.get(server)?.contexts.find(name)
        if (found === undefined) return OK
        if (openSsl.setContext(connection, found.context) === 0) return ALERT_FATAL
        // OpenSSL takes certificate and authorities from the context, but not this.
        const mode = found.requestsCertificates ? VERIFY_PEER : VERIFY_NONE
        openSsl.setConnectionVerify(connection, mode, 0)
        return OK
      }
    ),
    onAlpn: openSsl.callback(
      'int onAlpn(size_t connection, size_t out, size_t outLength, size_t wanted, uint length, size_t server)',
      ALERT_FATAL,
      (_, out, outLength, wanted, length, server) => {
        const { address, length: own } = servers.get(server)?.protocols ?? NO_PROTOCOLS
        const result = openSsl.selectAlpn(out, outLength, address, own, wanted, length)
        return result === NEGOTIATED ? OK : ALERT_FATAL
      }
    ),
    // The rules decide whose certificate it is; a client with another one is identified by its address.
    onVerify: openSsl.callback('int onVerify(size_t store, size_t argument)', 0, () => 1)
  }
}

function newContext(
  openSsl: OpenSsl,
  { certificate, ticketKey, authorities, algorithms }: ContextTerms,
  server: number,
  record: Octets | undefined
): number {
  return newSecureContext(openSsl, openSsl.serverMethod(), context => {
    const { groups, ciphers, cipherSuites } = algorithmLists(algorithms)
    openSsl.setCiphers(context, ciphers)
    openSsl.setCiphers13(context, cipherSuites)
    if (groups !== '') openSsl.setGroups(context, COMMAND.setGroups, 0, groups)
    if (record !== undefined) openSsl.controlContext(context, COMMAND.maxFragment, record, 0)
    useCertificate(openSsl, context, certificate.chain, certificate.key)
    offerTickets(openSsl, context, ticketKey)
    listenToClients(openSsl, context, server)
    if (authorities !== '') requestCertificates(openSsl, context, authorities)
  })
}

function offerTickets(openSsl: OpenSsl, context: number, ticketKey: Uint8Array): void {
  openSsl.setSessionContext(context, Buffer.from(SESSION_CONTEXT), SESSION_CONTEXT.length)
  openSsl.setTimeout(context, SESSION_LIFETIME)
  // With TLS 1.3 streams send the ticket.
  openSsl.setTicketCount(context, 0)
  const keys = openSslTicketKey(ticketKey)
  openSsl.controlContextWith(context, COMMAND.ticketKeys, keys.length, keys)
}

function listenToClients(openSsl: OpenSsl, context: number, server: number): void {
  const { onServerName, onAlpn } = callbacks!
  openSsl.callbackContext(context, COMMAND.onServerName, onServerName)
  openSsl.controlContext(context, COMMAND.serverNameArgument, 0, server)
  openSsl.setAlpn(context, onAlpn, server)
}

function requestCertificates(openSsl: OpenSsl, context: number, authorities: string): void {
  openSsl.setVerify(context, VERIFY_PEER, 0)
  openSsl.setVerifier(context, callbacks!.onVerify, 0)
  useCertificates(openSsl, authorities, authority => openSsl.addClientAuthority(context, authority))
}

/** OpenSSL has longer keys than node:tls; both are derived from the same one. */
function openSslTicketKey(key: Uint8Array): Buffer {
  const secrets = hkdfSync('sha256', key, '', 'interdict ticket', TICKET_SECRETS)
  return Buffer.concat([key.subarray(0, TICKET_NAME), Buffer.from(secrets)])
}
