import { loadKoffi, loadSystem, type System } from '../../../base/system/linux.js'

/**
 * Functions of the OpenSSL that Node's binary contains and exports. Pointers are numbers: user space ends below 2^53.
 * A `Buffer` argument is used only during the call.
 */
const FUNCTIONS = {
  version: 'ulong OpenSSL_version_num()',
  clearErrors: 'void ERR_clear_error()',
  firstError: 'ulong ERR_peek_error()',
  describeError: 'void ERR_error_string_n(ulong error, void *text, size_t length)',

  serverMethod: 'size_t TLS_server_method()',
  clientMethod: 'size_t TLS_client_method()',
  newContext: 'size_t SSL_CTX_new(size_t method)',
  freeContext: 'void SSL_CTX_free(size_t context)',
  controlContext: 'long SSL_CTX_ctrl(size_t context, int command, long number, size_t pointer)',
  controlContextWith: 'long SSL_CTX_ctrl(size_t context, int command, long number, void *pointer)',
  callbackContext: 'long SSL_CTX_callback_ctrl(size_t context, int command, void *callback)',
  setOptions: 'uint64_t SSL_CTX_set_options(size_t context, uint64_t options)',
  setCiphers: 'int SSL_CTX_set_cipher_list(size_t context, const char *names)',
  setCiphers13: 'int SSL_CTX_set_ciphersuites(size_t context, const char *names)',
  setSessionContext: 'int SSL_CTX_set_session_id_context(size_t context, void *id, uint length)',
  setTimeout: 'long SSL_CTX_set_timeout(size_t context, long seconds)',
  setTicketCount: 'int SSL_CTX_set_num_tickets(size_t context, size_t count)',
  setAlpn: 'void SSL_CTX_set_alpn_select_cb(size_t context, void *callback, size_t argument)',
  setVerify: 'void SSL_CTX_set_verify(size_t context, int mode, size_t callback)',
  setVerifier:
    'void SSL_CTX_set_cert_verify_callback(size_t context, void *callback, size_t argument)',
  addClientAuthority: 'int SSL_CTX_add_client_CA(size_t context, size_t certificate)',
  useCertificate: 'int SSL_CTX_use_certificate(size_t context, size_t certificate)',
  useKey: 'int SSL_CTX_use_PrivateKey(size_t context, size_t key)',
  trustStore: 'size_t SSL_CTX_get_cert_store(size_t context)',
  trust: 'int X509_STORE_add_cert(size_t store, size_t certificate)',

  newConnection: 'size_t SSL_new(size_t context)',
  freeConnection: 'void SSL_free(size_t connection)',
  setContext: 'size_t SSL_set_SSL_CTX(size_t connection, size_t context)',
  setInput: 'void SSL_set0_rbio(size_t connection, size_t bio)',
  setOutput: 'void SSL_set0_wbio(size_t connection, size_t bio)',
  setServer: 'void SSL_set_accept_state(size_t connection)',
  setClient: 'void SSL_set_connect_state(size_t connection)',
  setServerName: 'long SSL_ctrl(size_t connection, int command, long type, const char *name)',
  controlConnection: 'long SSL_ctrl(size_t connection, int command, long number, void *pointer)',
  requestAlpn: 'int SSL_set_alpn_protos(size_t connection, void *protocols, uint length)',
  handshake: 'int SSL_do_handshake(size_t connection)',
  read: 'int SSL_read(size_t connection, size_t octets, int length)',
  write: 'int SSL_write(size_t connection, size_t octets, int length)',
  shutdown: 'int SSL_shutdown(size_t connection)',
  error: 'int SSL_get_error(size_t connection, int result)',
  sendTicket: 'int SSL_new_session_ticket(size_t connection)',
  isResumed: 'int SSL_session_reused(size_t connection)',
  selectedAlpn: 'void SSL_get0_alpn_selected(size_t connection, void *data, void *length)',
  selectAlpn:
    'int SSL_select_next_proto(size_t out, size_t outLength, size_t server, uint serverLength, size_t client, uint clientLength)',
  peerCertificate: 'size_t SSL_get1_peer_certificate(size_t connection)',
  peerChain: 'size_t SSL_get_peer_cert_chain(size_t connection)',
  sizeOfStack: 'int OPENSSL_sk_num(size_t stack)',
  itemOfStack: 'size_t OPENSSL_sk_value(size_t stack, int index)',
  verifyResult: 'long SSL_get_verify_result(size_t connection)',
  session: 'size_t SSL_get_session(size_t connection)',
  setSession: 'int SSL_set_session(size_t connection, size_t session)',
  encodeSession: 'int i2d_SSL_SESSION(size_t session, void *out)',
  decodeSession: 'size_t d2i_SSL_SESSION(size_t old, void *in, long length)',
  freeSession: 'void SSL_SESSION_free(size_t session)',

  memory: 'size_t BIO_s_mem()',
  newBio: 'size_t BIO_new(size_t method)',
  controlBio: 'long BIO_ctrl(size_t bio, int command, long number, size_t pointer)',
  setBioFlags: 'void BIO_set_flags(size_t bio, int flags)',
  keepBio: 'int BIO_up_ref(size_t bio)',
  freeBio: 'int BIO_free(size_t bio)',
  readBio: 'int BIO_read(size_t bio, void *octets, int length)',
  writeBio: 'int BIO_write(size_t bio, void *octets, int length)',

  readCertificate:
    'size_t PEM_read_bio_X509(size_t bio, size_t old, size_t callback, size_t argument)',
  readKey:
    'size_t PEM_read_bio_PrivateKey(size_t bio, size_t old, size_t callback, size_t argument)',
  encodeCertificate: 'int i2d_X509(size_t certificate, void *out)',
  freeCertificate: 'void X509_free(size_t certificate)',
  freeKey: 'void EVP_PKEY_free(size_t key)',
  setKeyType: 'int EVP_PKEY_set_type(size_t key, int type)',

  accept: 'int accept4(int fd, size_t name, size_t length, int flags)',
  createEpoll: 'int epoll_create1(int flags)',
  controlEpoll: 'int epoll_ctl(int epoll, int operation, int fd, void *event)',
  waitEpoll: 'int epoll_wait(int epoll, size_t events, int count, int timeout)',
  receive: 'int64_t recv(int fd, size_t octets, size_t length, int flags)',
  send: 'int64_t send(int fd, void *octets, size_t length, int flags)',
  sendAt: 'int64_t send(int fd, size_t octets, size_t length, int flags)',
  shutdownSocket: 'int shutdown(int fd, int how)'
} as const

type Argument = number | bigint | string | Buffer | null
type Functions = Record<keyof typeof FUNCTIONS, (...args: Argument[]) => number>

/** Called from OpenSSL with addresses and numbers; its results are OpenSSL's. */
type Callback = (...args: number[]) => number

export interface OpenSsl extends Functions {
  readonly system: System
  /** The server name that a client has sent; null: none. */
  serverName(connection: number, type: number): string | null
  /** What `verifyResult` means. */
  describeVerification(result: number): string
  /** Makes a function callable from OpenSSL, for the life of the thread. @param prototype in C */
  callback(prototype: string, run: Callback): bigint
}

/** The first version with all these functions and the options used here. */
const OPENSSL_3 = 0x3000_0000

let loaded: OpenSsl | string | undefined

/** OpenSSL for this thread, or the reason why it cannot be used. */
export function loadOpenSsl(): OpenSsl | string {
  return (loaded ??= load())
}

function load(): OpenSsl | string {
  const system = loadSystem()
  if (typeof system === 'string') return system
  try {
    const koffi = loadKoffi()
    const program = koffi.load(null)
    const functions = Object.entries(FUNCTIONS).map(([name, text]) => [name, program.func(text)])
    const openSsl = Object.fromEntries(functions) as Functions
    if (openSsl.version() < OPENSSL_3) return 'Node does not contain OpenSSL 3'
    return {
      ...openSsl,
      system,
      serverName: program.func('const char *SSL_get_servername(size_t connection, int type)'),
      describeVerification: program.func('const char *X509_verify_cert_error_string(long result)'),
      callback: (prototype, run) => koffi.register(run, koffi.pointer(koffi.proto(prototype)))
    }
  } catch (error) {
    return `OpenSSL is not reachable: ${(error as Error).message}`
  }
}
