import { hkdfSync } from 'node:crypto'
import type { Octets } from '../../../base/units.js'
import {
  CertificateContexts,
  type ContextTerms,
  type TlsMaterial
} from '../certificate-contexts.js'
import { CIPHERS_1_2, CIPHERS_1_3, SESSION_CONTEXT, SESSION_LIFETIME } from '../server-contexts.js'
import { COMMAND, MODE_RELEASE_BUFFERS, OPTIONS, SESSION_CACHE_OFF, TLS_1_2 } from './constants.js'
import { readCertificates, useCertificate } from './encoding.js'
import type { OpenSsl } from './openssl.js'

/** SSL_VERIFY_PEER: asks for a certificate, requires none. */
const VERIFY_PEER = 1
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
      (connection, _, server) => {
        const name = openSsl.serverName(connection, 0)
        if (name === null) return NO_ACKNOWLEDGEMENT
        const context = servers.get(server)?.contexts.find(name)
        if (context !== undefined) openSsl.setContext(connection, context)
        return OK
      }
    ),
    onAlpn: openSsl.callback(
      'int onAlpn(size_t connection, size_t out, size_t outLength, size_t wanted, uint length, size_t server)',
      (_, out, outLength, wanted, length, server) => {
        const { address, length: own } = servers.get(server)?.protocols ?? NO_PROTOCOLS
        const result = openSsl.selectAlpn(out, outLength, address, own, wanted, length)
        return result === NEGOTIATED ? OK : ALERT_FATAL
      }
    ),
    // The rules decide whose certificate it is; a client with another one is identified by its address.
    onVerify: openSsl.callback('int onVerify(size_t store, size_t argument)', () => 1)
  }
}

function newContext(
  openSsl: OpenSsl,
  { certificate, ticketKey, authorities }: ContextTerms,
  server: number,
  record: Octets | undefined
): number {
  const context = openSsl.newContext(openSsl.serverMethod())
  const control = (command: number, number: number, pointer = 0): number =>
    openSsl.controlContext(context, command, number, pointer)
  openSsl.setOptions(context, OPTIONS)
  control(COMMAND.minVersion, TLS_1_2)
  openSsl.setCiphers(context, CIPHERS_1_2)
  openSsl.setCiphers13(context, CIPHERS_1_3)
  control(COMMAND.mode, MODE_RELEASE_BUFFERS)
  if (record !== undefined) control(COMMAND.maxFragment, record)
  useCertificate(openSsl, context, certificate.chain, certificate.key)

  control(COMMAND.sessionCache, SESSION_CACHE_OFF)
  openSsl.setSessionContext(context, Buffer.from(SESSION_CONTEXT), SESSION_CONTEXT.length)
  openSsl.setTimeout(context, SESSION_LIFETIME)
  // With TLS 1.3 streams send the ticket.
  openSsl.setTicketCount(context, 0)
  const keys = openSslTicketKey(ticketKey)
  openSsl.controlContextWith(context, COMMAND.ticketKeys, keys.length, keys)

  const { onServerName, onAlpn, onVerify } = callbacks!
  openSsl.callbackContext(context, COMMAND.onServerName, onServerName)
  control(COMMAND.serverNameArgument, 0, server)
  openSsl.setAlpn(context, onAlpn, server)
  if (authorities !== '') {
    openSsl.setVerify(context, VERIFY_PEER, 0)
    openSsl.setVerifier(context, onVerify, 0)
    for (const authority of readCertificates(openSsl, authorities)) {
      openSsl.addClientAuthority(context, authority)
      openSsl.freeCertificate(authority)
    }
  }
  return context
}

/** OpenSSL has longer keys than node:tls; both are derived from the same one. */
function openSslTicketKey(key: Uint8Array): Buffer {
  const secrets = hkdfSync('sha256', key, '', 'interdict ticket', TICKET_SECRETS)
  return Buffer.concat([key.subarray(0, TICKET_NAME), Buffer.from(secrets)])
}
