import type { Seconds } from '../../base/units.js'
import type { DeviceTableReader } from '../../policy/bindings/device-table.js'
import type { DeviceClient, DeviceIndex } from '../../policy/evaluate/device-index.js'
import type { Policy } from '../../policy/evaluate/policy.js'
import type { ClientIdentity } from './client-identity.js'

const SLASH = '/'.charCodeAt(0)
const NO_TEXT = new Uint8Array(0)

/**
 * Recognizes clients by the device behind their address, as feeds know it. One object for all queries of a thread: an identity is
 * right until the next call of `recognize`.
 */
export class DeviceRecognizer implements ClientIdentity {
  clientClass = 0
  addressClass = 0
  private client: DeviceClient | undefined
  private isKnown = false

  /** @param table undefined: there are no feeds, and no device is known */
  constructor(
    private readonly policy: Policy,
    private readonly index: DeviceIndex,
    private readonly table: DeviceTableReader | undefined
  ) {}

  get clientId(): string | undefined {
    return this.client?.id
  }

  /** Name of the client, and which of its devices it is. Made when it is logged, not for every query. */
  get device(): Uint8Array {
    const { client } = this
    if (client === undefined) return NO_TEXT
    const { name } = client
    const text = this.isKnown ? this.table!.text : NO_TEXT
    if (text.length === 0 || name.length + 1 + text.length > 255) return name
    const whole = new Uint8Array(name.length + 1 + text.length)
    whole.set(name)
    whole[name.length] = SLASH
    whole.set(text, name.length + 1)
    return whole
  }

  /**
   * Recognizes a client. One that also presents something is the client whose rule comes first.
   *
   * @param identity by what it presents
   * @returns `identity`, or this object
   */
  recognize(
    address: Uint32Array,
    at: number,
    now: Seconds,
    identity: ClientIdentity | undefined
  ): ClientIdentity | undefined {
    const { index, policy, table } = this
    const isKnown = table?.find(address, at, now) === true
    const ofAddress = policy.classOf(address, at)
    const found = isKnown
      ? index.find(table.clientLow, table.clientHigh)
      : index.unknownAt(ofAddress)
    if (found === undefined || found.isRevoked) return identity
    const presented = identity?.clientClass === 0 ? undefined : identity?.clientId
    if (presented !== undefined && index.orderOf(presented) < found.order) return identity
    this.client = found
    this.isKnown = isKnown
    this.clientClass = index.classOf(found, address, at)
    this.addressClass = index.addressClassOf(this.clientClass, ofAddress)
    return this
  }
}
