import { PrefixTable } from '../../base/values/prefix-table.js'
import { clientKey } from '../bindings/device-table.js'
import { addressClassOf } from './client-pair.js'
import type { Policy } from './policy.js'

/** A client of the rules that is recognized by the device behind its address. */
export interface DeviceClient {
  readonly id: string
  /** Place in the rules: of two clients, the first one counts. */
  readonly order: number
  /** The id in UTF-8. */
  readonly name: Uint8Array
  readonly isRevoked: boolean
  readonly classes: number | PrefixTable
}

/** The clients of one snapshot that are recognized by the device behind their address. */
export class DeviceIndex {
  private readonly byKey = new Map<number, DeviceClient>()
  private readonly orders = new Map<string, number>()
  /** By index of the network of the address. */
  private readonly unknown: (DeviceClient | undefined)[] = []

  private constructor(private readonly policy: Policy) {
    const { identities, networks } = policy.snapshot.clients
    for (const network of networks.keys()) this.unknown[network] = undefined
    const encoder = new TextEncoder()
    for (const [order, client] of (identities?.clients ?? []).entries()) {
      const { id, devices, unknownIn, isRevoked } = client
      this.orders.set(id, order)
      if (devices.length === 0 && unknownIn.length === 0) continue
      const found = identities!.classes.get(client.network)!
      const classes = typeof found === 'number' ? found : new PrefixTable(found)
      const entry = { id, order, name: encoder.encode(id), isRevoked, classes }
      this.byKey.set(numberOf(...clientKey(id)), entry)
      for (const network of unknownIn) this.unknown[network] = entry
    }
  }

  /** @returns undefined: the rules recognize no client by its device */
  static of(policy: Policy): DeviceIndex | undefined {
    const index = new DeviceIndex(policy)
    return index.byKey.size === 0 ? undefined : index
  }

  /** @param low and `high` of `clientKey` */
  find(low: number, high: number): DeviceClient | undefined {
    return this.byKey.get(numberOf(low, high))
  }

  /** What a device that no feed knows is, at an address of this class; undefined: a client by its address. */
  unknownAt(addressClass: number): DeviceClient | undefined {
    const network = this.policy.snapshot.clients.networkOf[addressClass]!
    return network < 0 ? undefined : this.unknown[network]
  }

  /** Place in the rules of a client that is recognized by what it presents. */
  orderOf(id: string): number {
    return this.orders.get(id) ?? Infinity
  }

  classOf({ classes }: DeviceClient, address: Uint32Array, at: number): number {
    return typeof classes === 'number' ? classes : classes.find(address, at)
  }

  /** See `addressClassOf`. */
  addressClassOf(own: number, ofAddress: number): number {
    return addressClassOf(this.policy.snapshot.clients, own, ofAddress)
  }
}

/** 53 of the 64 bits. */
const numberOf = (low: number, high: number): number => (high >>> 11) * 2 ** 32 + low
