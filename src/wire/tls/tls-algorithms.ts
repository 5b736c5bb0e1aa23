import { createSecureContext } from 'node:tls'

/**
 * For TLS 1.3 and 1.2: forward secrecy and authenticated encryption only; RFC 9325 §4.2. The client
 * chooses among them, since it knows whether its processor has AES.
 */
export const CIPHER_SUITES = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256'
] as const
/** The same for TLS 1.2. */
export const CIPHERS = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305'
] as const
/** Groups of key exchange that settings may name; the last three need OpenSSL 3.5. */
export const GROUPS = [
  'X25519',
  'X448',
  'P-256',
  'P-384',
  'P-521',
  'X25519MLKEM768',
  'SecP256r1MLKEM768',
  'SecP384r1MLKEM1024'
] as const

/** What a TLS server offers. Plain data, since it is sent to other threads. An empty list is the default. */
export interface TlsAlgorithms {
  readonly groups: readonly string[]
  /** Of TLS 1.2. */
  readonly ciphers: readonly string[]
  /** Of TLS 1.3. */
  readonly cipherSuites: readonly string[]
}

/** The lists as OpenSSL has them. */
export interface AlgorithmLists {
  /** Empty: OpenSSL's own. */
  readonly groups: string
  readonly ciphers: string
  readonly cipherSuites: string
}

export function algorithmLists(algorithms: TlsAlgorithms | undefined): AlgorithmLists {
  const { groups = [], ciphers = [], cipherSuites = [] } = algorithms ?? {}
  const list = (names: readonly string[], all: readonly string[]): string =>
    (names.length === 0 ? all : names).join(':')
  return {
    groups: groups.join(':'),
    ciphers: list(ciphers, CIPHERS),
    cipherSuites: list(cipherSuites, CIPHER_SUITES)
  }
}

/** True if the OpenSSL of this process has the group. */
export function hasGroup(name: string): boolean {
  try {
    createSecureContext({ ecdhCurve: name })
    return true
  } catch {
    return false
  }
}
