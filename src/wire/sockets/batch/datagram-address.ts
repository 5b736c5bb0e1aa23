import type { Endpoint } from '../datagram.js'
import { AF_INET, type System } from '../../../base/system/linux.js'
import { CONTROL_WORDS, NAME_WORDS, type MessageBuffers } from './message-buffers.js'
import { encodeSockaddr, familyOf } from './sockaddr.js'

/*
 * Offsets in words. sockaddr_in: family and port, address. sockaddr_in6: family and port, flow,
 * address (4), scope. Control message: length (2), level, type, then in_pktinfo: interface, local
 * address, destination; or in6_pktinfo: local address (4), interface.
 */
export const ADDRESS4 = 1
export const ADDRESS6 = 2
const SCOPE = 6
const CMSG_LENGTH = 0
const CMSG_LEVEL = 2
const CMSG_TYPE = 3
const CMSG_BODY = 4
export const INTERFACE4 = 4
export const LOCAL6 = 4
export const INTERFACE6 = 8

/**
 * Destination of a datagram and the local address it is sent from: the words of a sockaddr and of a
 * control message in memory order, signed so that V8 can keep each as a small integer.
 */
export class DatagramAddress {
  familyAndPort = 0
  a = 0
  b = 0
  c = 0
  d = 0
  scope = 0
  control: ControlMessage | undefined
}

/** A control message: its header and the packet information. */
class ControlMessage {
  length = 0
  level = 0
  type = 0
  readonly body = new Int32Array(5)
}

/** The reply address of received datagram `i`. @param spare is overwritten; undefined: allocates */
export function replyAddress(
  memory: MessageBuffers,
  i: number,
  packetInfo: boolean,
  spare: DatagramAddress | undefined
): DatagramAddress {
  const { words, received, family } = memory
  const name = received.names + i * NAME_WORDS
  const address = spare ?? new DatagramAddress()
  address.familyAndPort = words[name]! | 0
  if (family === AF_INET) address.a = words[name + ADDRESS4]! | 0
  else {
    address.a = words[name + ADDRESS6]! | 0
    address.b = words[name + ADDRESS6 + 1]! | 0
    address.c = words[name + ADDRESS6 + 2]! | 0
    address.d = words[name + ADDRESS6 + 3]! | 0
    address.scope = words[name + SCOPE]! | 0
  }
  if (packetInfo) readControl(memory, i, (address.control ??= new ControlMessage()))
  return address
}

/** The address of an upstream; the kernel chooses the local address. @throws ADDRESS_INVALID */
export function upstreamAddress(endpoint: Endpoint, system: System): DatagramAddress {
  const name = encodeSockaddr(endpoint, system)
  const word = (at: number): number => name.readInt32LE(at * 4)
  const address = new DatagramAddress()
  address.familyAndPort = word(0)
  if (familyOf(name) === AF_INET) address.a = word(ADDRESS4)
  else {
    address.a = word(ADDRESS6)
    address.b = word(ADDRESS6 + 1)
    address.c = word(ADDRESS6 + 2)
    address.d = word(ADDRESS6 + 3)
    address.scope = word(SCOPE)
  }
  return address
}

/** Sets the destination of message `i` of `memory.sends`. */
export function setDestination(memory: MessageBuffers, i: number, address: DatagramAddress): void {
  const { words, sends, family } = memory
  const name = sends.names + i * NAME_WORDS
  words[name] = address.familyAndPort
  if (family === AF_INET) words[name + ADDRESS4] = address.a
  else {
    words[name + ADDRESS6] = address.a
    words[name + ADDRESS6 + 1] = address.b
    words[name + ADDRESS6 + 2] = address.c
    words[name + ADDRESS6 + 3] = address.d
    words[name + SCOPE] = address.scope
  }
  if (address.control !== undefined) writeControl(memory, i, address.control)
}

function readControl(
  { words, received }: MessageBuffers,
  i: number,
  control: ControlMessage
): void {
  const at = received.controls + i * CONTROL_WORDS
  control.length = words[at + CMSG_LENGTH]! | 0
  control.level = words[at + CMSG_LEVEL]! | 0
  control.type = words[at + CMSG_TYPE]! | 0
  for (let k = 0; k < control.body.length; k++) control.body[k] = words[at + CMSG_BODY + k]!
}

function writeControl({ words, sends }: MessageBuffers, i: number, control: ControlMessage): void {
  const at = sends.controls + i * CONTROL_WORDS
  words[at + CMSG_LENGTH] = control.length
  words[at + CMSG_LEVEL] = control.level
  words[at + CMSG_TYPE] = control.type
  for (let k = 0; k < control.body.length; k++) words[at + CMSG_BODY + k] = control.body[k]!
}
