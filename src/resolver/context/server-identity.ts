import type { Octets } from '../../base/units.js'
import { OPTION_NSID } from '../../wire/dns/message/query.js'
import type { HashedName } from '../../wire/dns/name/hashed-name.js'
import { readName } from '../../wire/dns/name/name.js'

/** Identity texts; '' disables one. At most 63 octets each. */
export interface IdentitySettings {
  readonly version: string
  readonly name: string
}

/**
 * Tells which server answers, to debug servers behind an anycast address: by the names of RFC 4892
 * in class CH, and by NSID (RFC 5001). Reveals only what the operator has configured.
 */
export class ServerIdentity {
  /** NSID option for replies; undefined: disabled. RFC 5001 §2.3. */
  readonly nsid: Uint8Array | undefined
  private readonly texts: readonly { readonly qname: Uint8Array; readonly text: Uint8Array }[]

  constructor({ version, name }: IdentitySettings) {
    this.nsid = name === '' ? undefined : option(OPTION_NSID, Buffer.from(name))
    this.texts = [
      { qname: readName('version.bind'), text: version },
      { qname: readName('version.server'), text: version },
      { qname: readName('hostname.bind'), text: name },
      { qname: readName('id.server'), text: name }
    ]
      .filter(({ text }) => text !== '')
      .map(({ qname, text }) => ({ qname, text: characterString(Buffer.from(text)) }))
  }

  /** TXT data of this name, as `encodeText` takes it; undefined: none. */
  textOf({ octets, length }: HashedName): Uint8Array | undefined {
    return this.texts.find(({ qname }) => isSame(qname, octets, length))?.text
  }
}

function isSame(name: Uint8Array, octets: Uint8Array, length: Octets): boolean {
  if (name.length !== length) return false
  for (let i = 0; i < length; i++) if (name[i] !== octets[i]) return false
  return true
}

/** RFC 6891 §6.1.2. */
function option(code: number, data: Uint8Array): Uint8Array {
  return Uint8Array.of(0, code, 0, data.length, ...data)
}

/** RFC 1035 §3.3. */
function characterString(text: Uint8Array): Uint8Array {
  return Uint8Array.of(text.length, ...text)
}
