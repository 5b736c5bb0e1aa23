import { loadKoffi } from '../../src/base/system/linux.js'
import type { OpenSsl } from '../../src/wire/tls/openssl/openssl.js'
import { directClient } from '../../src/wire/tls/openssl/direct-client.js'
import { OpenSslContexts } from '../../src/wire/tls/openssl/openssl-contexts.js'
import { tlsListenOptions } from '../server/tls-options.js'

/** openssl/ssl.h: SSL_KEY_UPDATE_REQUESTED. */
const UPDATE_REQUESTED = 1
const ROOM = 65_536
/** Exchanged before the other side reads. */
const BATCH = 100

type UpdateKeys = (connection: number, type: number) => number
let updateKeys: UpdateKeys | undefined

/** Writes a message that changes the keys of a connection, and asks the other end to do the same: RFC 8446 §4.6.3. */
export function requestKeyUpdate(openSsl: OpenSsl, connection: number): void {
  updateKeys ??= loadKoffi()
    .load(null)
    .func('int SSL_key_update(size_t connection, int type)') as unknown as UpdateKeys
  updateKeys(connection, UPDATE_REQUESTED)
  openSsl.handshake(connection)
}

/** Both ends of a TLS connection in memory, which change their keys. */
export class KeyUpdates {
  private readonly memory

  private constructor(
    private readonly openSsl: OpenSsl,
    private readonly client: number,
    private readonly server: number
  ) {
    this.memory = openSsl.system.map(ROOM)
    // Server, client, server, client: then both have received what the other one has finished with.
    for (let i = 0; i < 3; i++) {
      openSsl.handshake(client)
      openSsl.handshake(server)
    }
  }

  /** Undefined: OpenSSL cannot be called. */
  static open(): KeyUpdates | undefined {
    const direct = directClient('', undefined)
    if (typeof direct === 'string') return undefined
    const { openSsl } = direct.loop
    const { contexts } = new OpenSslContexts(
      openSsl,
      tlsListenOptions().material,
      Buffer.from('\x03dot'),
      undefined
    )
    const client = openSsl.newConnection(direct.context)
    const server = openSsl.newConnection(contexts.first.context)
    openSsl.setClient(client)
    openSsl.setServer(server)
    const [there, back] = [openSsl.newBio(openSsl.memory()), openSsl.newBio(openSsl.memory())]
    openSsl.keepBio(there)
    openSsl.keepBio(back)
    openSsl.setInput(client, back)
    openSsl.setOutput(client, there)
    openSsl.setInput(server, there)
    openSsl.setOutput(server, back)
    return new KeyUpdates(openSsl, client, server)
  }

  exchange(count: number): void {
    const { openSsl, client, server, memory } = this
    for (let done = 0; done < count; done += BATCH) {
      const size = Math.min(BATCH, count - done)
      for (let i = 0; i < size; i++) requestKeyUpdate(openSsl, client)
      openSsl.read(server, memory.address, ROOM)
      openSsl.read(client, memory.address, ROOM)
    }
  }
}
