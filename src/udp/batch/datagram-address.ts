import type { Endpoint } from '../datagram.js'
import { AF_INET, type System } from './linux.js'
import { CONTROL_WORDS, NAME_WORDS, type MessageBuffers } from './message-buffers.js'
import { encodeSockaddr, familyOf } from './sockaddr.js'

/*
 * Places in words. sockaddr_in: family and port, address. sockaddr_in6: family and port, flow,
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
export const LOCAL4 = 5
export const LOCAL6 = 4
export const INTERFACE6 = 8

/**
 * Where a datagram goes and which local address it leaves from: words of a sockaddr and of a
 * control message, as they lie in memory, signed so that each is a small integer to V8.
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

/** A control message: its head, and the packet information. */
class ControlMessage {
  length = 0
  level = 0
  type = 0
  readonly body = new Int32Array(5)
}

/** The way back of received datagram `i`. @param spare is written over; undefined: a new one is made */
export function replyAddress(
  memory: MessageBuffers,
  i: number,
  packetInfo: boolean,
  spare: DatagramAddress | undefined
): DatagramAddress {
  const { words, received, family } = memory
  const name = received.names + i * NAME_WORDS
  const way = spare ?? new DatagramAddress()
  way.familyAndPort = words[name]! | 0
  if (family === AF_INET) way.a = words[name + ADDRESS4]! | 0
  else {
    way.a = words[name + ADDRESS6]! | 0
    way.b = words[name + ADDRESS6 + 1]! | 0
    way.c = words[name + ADDRESS6 + 2]! | 0
    way.d = words[name + ADDRESS6 + 3]! | 0
    way.scope = words[name + SCOPE]! | 0
  }
  if (packetInfo) readControl(memory, i, (way.control ??= new ControlMessage()))
  return way
}

/** The way to an upstream; the kernel chooses the local address. @throws ADDRESS_INVALID */
export function upstreamAddress(endpoint: Endpoint, system: System): DatagramAddress {
  const name = encodeSockaddr(endpoint, system)
  const word = (at: number): number => name.readInt32LE(at * 4)
  const way = new DatagramAddress()
  way.familyAndPort = word(0)
  if (familyOf(name) === AF_INET) way.a = word(ADDRESS4)
  else {
    way.a = word(ADDRESS6)
    way.b = word(ADDRESS6 + 1)
    way.c = word(ADDRESS6 + 2)
    way.d = word(ADDRESS6 + 3)
    way.scope = word(SCOPE)
  }
  return way
}

/** Addresses message `i` of those to be sent. */
export function setDestination(memory: MessageBuffers, i: number, way: DatagramAddress): void {
  const { words, sends, family } = memory
  const name = sends.names + i * NAME_WORDS
  words[name] = way.familyAndPort
  if (family === AF_INET) words[name + ADDRESS4] = way.a
  else {
    words[name + ADDRESS6] = way.a
    words[name + ADDRESS6 + 1] = way.b
    words[name + ADDRESS6 + 2] = way.c
    words[name + ADDRESS6 + 3] = way.d
    words[name + SCOPE] = way.scope
  }
  if (way.control !== undefined) writeControl(memory, i, way.control)
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
