/**
 * The functions of OpenSSL that are called, by `openssl.ts` only: the OpenSSL that Node's binary contains and exports.
 * Pointers are numbers: user space ends below 2^53. A `Buffer` argument is used only during the call.
 */

/** Which results mean success; anything else is thrown as an `OpenSslError`. */
export type Rule =
  /** 1. */
  | 'one'
  /** 0. */
  | 'zero'
  /** Above 0: an address or a length. */
  | 'some'
  /** All: it cannot fail, or its caller reads the result. */
  | 'any'
  /** 1; it is called in each turn, and leaves no error behind when it succeeds. */
  | 'quiet'
  /** All, and the error queue stays as it is: OpenSSL may be in the middle of a handshake, which called us. */
  | 'inner'

export const FUNCTIONS = {
  serverMethod: ['some', 'size_t TLS_server_method()'],
  clientMethod: ['some', 'size_t TLS_client_method()'],
  newContext: ['some', 'size_t SSL_CTX_new(size_t method)'],
  freeContext: ['any', 'void SSL_CTX_free(size_t context)'],
  controlContext: [
    'one',
    'long SSL_CTX_ctrl(size_t context, int command, long number, size_t pointer)'
  ],
  controlContextWith: [
    'one',
    'long SSL_CTX_ctrl(size_t context, int command, long number, void *pointer)'
  ],
  /** For commands that return a value. */
  contextValue: [
    'any',
    'long SSL_CTX_ctrl(size_t context, int command, long number, size_t pointer)'
  ],
  callbackContext: [
    'one',
    'long SSL_CTX_callback_ctrl(size_t context, int command, void *callback)'
  ],
  setOptions: ['any', 'uint64_t SSL_CTX_set_options(size_t context, uint64_t options)'],
  setCiphers: ['one', 'int SSL_CTX_set_cipher_list(size_t context, const char *names)'],
  setCiphers13: ['one', 'int SSL_CTX_set_ciphersuites(size_t context, const char *names)'],
  setGroups: [
    'one',
    'long SSL_CTX_ctrl(size_t context, int command, long number, const char *names)'
  ],
  setSessionContext: [
    'one',
    'int SSL_CTX_set_session_id_context(size_t context, void *id, uint length)'
  ],
  setTimeout: ['any', 'long SSL_CTX_set_timeout(size_t context, long seconds)'],
  setTicketCount: ['one', 'int SSL_CTX_set_num_tickets(size_t context, size_t count)'],
  setAlpn: [
    'any',
    'void SSL_CTX_set_alpn_select_cb(size_t context, void *callback, size_t argument)'
  ],
  setVerify: ['any', 'void SSL_CTX_set_verify(size_t context, int mode, size_t callback)'],
  setVerifier: [
    'any',
    'void SSL_CTX_set_cert_verify_callback(size_t context, void *callback, size_t argument)'
  ],
  addClientAuthority: ['one', 'int SSL_CTX_add_client_CA(size_t context, size_t certificate)'],
  useCertificate: ['one', 'int SSL_CTX_use_certificate(size_t context, size_t certificate)'],
  useKey: ['one', 'int SSL_CTX_use_PrivateKey(size_t context, size_t key)'],
  trustStore: ['some', 'size_t SSL_CTX_get_cert_store(size_t context)'],
  trust: ['one', 'int X509_STORE_add_cert(size_t store, size_t certificate)'],

  newConnection: ['some', 'size_t SSL_new(size_t context)'],
  freeConnection: ['any', 'void SSL_free(size_t connection)'],
  /** 0: failed. */
  setContext: ['inner', 'size_t SSL_set_SSL_CTX(size_t connection, size_t context)'],
  setConnectionVerify: [
    'inner',
    'void SSL_set_verify(size_t connection, int mode, size_t callback)'
  ],
  setInput: ['any', 'void SSL_set0_rbio(size_t connection, size_t bio)'],
  setOutput: ['any', 'void SSL_set0_wbio(size_t connection, size_t bio)'],
  setServer: ['any', 'void SSL_set_accept_state(size_t connection)'],
  setClient: ['any', 'void SSL_set_connect_state(size_t connection)'],
  setServerName: [
    'one',
    'long SSL_ctrl(size_t connection, int command, long type, const char *name)'
  ],
  /** 0: there is none. */
  peerKeyShare: [
    'any',
    'long SSL_ctrl(size_t connection, int command, long number, void *pointer)'
  ],
  requestAlpn: ['zero', 'int SSL_set_alpn_protos(size_t connection, void *protocols, uint length)'],
  /** 0: there is none to send. */
  sendTicket: ['any', 'int SSL_new_session_ticket(size_t connection)'],
  isResumed: ['any', 'int SSL_session_reused(size_t connection)'],
  protocolVersion: ['any', 'int SSL_version(size_t connection)'],
  selectedAlpn: ['any', 'void SSL_get0_alpn_selected(size_t connection, void *data, void *length)'],
  selectAlpn: [
    'inner',
    'int SSL_select_next_proto(size_t out, size_t outLength, size_t server, uint serverLength, size_t client, uint clientLength)'
  ],
  /** 0: none. */
  peerCertificate: ['any', 'size_t SSL_get1_peer_certificate(size_t connection)'],
  /** 0: none. */
  peerChain: ['any', 'size_t SSL_get_peer_cert_chain(size_t connection)'],
  sizeOfStack: ['any', 'int OPENSSL_sk_num(size_t stack)'],
  itemOfStack: ['some', 'size_t OPENSSL_sk_value(size_t stack, int index)'],
  verifyResult: ['any', 'long SSL_get_verify_result(size_t connection)'],
  /** 0: none. */
  session: ['any', 'size_t SSL_get_session(size_t connection)'],
  /** 0: it is not used, and the handshake is a full one. */
  setSession: ['any', 'int SSL_set_session(size_t connection, size_t session)'],
  encodeSession: ['some', 'int i2d_SSL_SESSION(size_t session, void *out)'],
  /** 0: not a session. */
  decodeSession: ['any', 'size_t d2i_SSL_SESSION(size_t old, void *in, long length)'],
  freeSession: ['any', 'void SSL_SESSION_free(size_t session)'],

  memory: ['some', 'size_t BIO_s_mem()'],
  newBio: ['some', 'size_t BIO_new(size_t method)'],
  controlBio: ['one', 'long BIO_ctrl(size_t bio, int command, long number, size_t pointer)'],
  resetBio: ['quiet', 'long BIO_ctrl(size_t bio, int command, long number, size_t pointer)'],
  /** Writes an address to `pointer`. */
  bioMemory: ['one', 'long BIO_ctrl(size_t bio, int command, long number, void *pointer)'],
  setBioFlags: ['any', 'void BIO_set_flags(size_t bio, int flags)'],
  keepBio: ['one', 'int BIO_up_ref(size_t bio)'],
  freeBio: ['one', 'int BIO_free(size_t bio)'],
  /** Negative: it is empty. */
  readBio: ['any', 'int BIO_read(size_t bio, void *octets, int length)'],
  writeBio: ['some', 'int BIO_write(size_t bio, void *octets, int length)'],
  writeBioFrom: ['some', 'int BIO_write(size_t bio, size_t octets, int length)'],
  freeMemory: ['any', 'void CRYPTO_free(size_t memory, const char *file, int line)'],

  /** 0: there is no further one. */
  readCertificate: [
    'any',
    'size_t PEM_read_bio_X509(size_t bio, size_t old, size_t callback, size_t argument)'
  ],
  readKey: [
    'some',
    'size_t PEM_read_bio_PrivateKey(size_t bio, size_t old, size_t callback, size_t argument)'
  ],
  encodeCertificate: ['some', 'int i2d_X509(size_t certificate, void *out)'],
  freeCertificate: ['any', 'void X509_free(size_t certificate)'],
  freeKey: ['any', 'void EVP_PKEY_free(size_t key)'],
  setKeyType: ['any', 'int EVP_PKEY_set_type(size_t key, int type)']
} as const satisfies Readonly<Record<string, readonly [Rule, string]>>

/** They go on with a connection, and their failures are told apart by SSL_get_error. */
export const CONNECTION_FUNCTIONS = {
  handshake: 'int SSL_do_handshake(size_t connection)',
  read: 'int SSL_read(size_t connection, size_t octets, int length)',
  write: 'int SSL_write(size_t connection, size_t octets, int length)',
  shutdown: 'int SSL_shutdown(size_t connection)'
} as const

/** For `openssl.ts` alone: the error queue, and results that are texts. */
export const QUEUE_FUNCTIONS = {
  version: 'ulong OpenSSL_version_num()',
  clearErrors: 'void ERR_clear_error()',
  firstError: 'ulong ERR_peek_error()',
  describeError: 'void ERR_error_string_n(ulong error, void *text, size_t length)',
  errorOf: 'int SSL_get_error(size_t connection, int result)'
} as const

export const TEXT_FUNCTIONS = {
  serverName: 'const char *SSL_get_servername(size_t connection, int type)',
  describeVerification: 'const char *X509_verify_cert_error_string(long result)'
} as const

/** Calls of the system, beside those of `System`. */
export const SYSTEM_FUNCTIONS = {
  accept: 'int accept4(int fd, size_t name, size_t length, int flags)',
  createEpoll: 'int epoll_create1(int flags)',
  controlEpoll: 'int epoll_ctl(int epoll, int operation, int fd, void *event)',
  waitEpoll: 'int epoll_wait(int epoll, size_t events, int count, int timeout)',
  receive: 'int64_t recv(int fd, size_t octets, size_t length, int flags)',
  send: 'int64_t send(int fd, void *octets, size_t length, int flags)',
  sendAt: 'int64_t send(int fd, size_t octets, size_t length, int flags)',
  shutdownSocket: 'int shutdown(int fd, int how)'
} as const
