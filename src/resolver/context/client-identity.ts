/**
 * Who a client is, other than by its address. The listener keeps it up to date: it is
 * right for the snapshot in force, whenever the resolver reads it.
 */
export interface ClientIdentity {
  /** Client class in the current snapshot; 0: that of the address. */
  clientClass: number
  /** Class of the address, whose bans apply as well: see `addressClassOf`; 0: none does. */
  addressClass: number
  /** Name of the client in UTF-8, at most 255 octets; empty: unknown. */
  device: Uint8Array
  /** Its id in the rules; undefined: none of them. */
  readonly clientId?: string | undefined
}
