import type { Endpoint } from './datagram.js'
import { AF_INET, type System } from './linux.js'
import { CONTROL_WORDS, NAME_WORDS, type MessageMemory } from './message-memory.js'
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
export const INTERFACE4 = 4
export const LOCAL4 = 5
export const LOCAL6 = 4
export const INTERFACE6 = 8

/**
 * Where a datagram goes and which local address it leaves from: words of a sockaddr and of a
 * control message, as they lie in memory, signed so that each is a small integer to V8.
 */
export class Way {
  constructor(
    readonly familyAndPort: number,
    readonly a: number,
    readonly b: number,
    readonly c: number,
    readonly d: number,
    readonly scope: number,
    readonly control: Control | undefined
  ) {}
}

type Control = {
  readonly length: number
  readonly level: number
  readonly type: number
  readonly body: readonly [number, number, number, number, number]
}

/** The way back of received datagram `i`. */
export function wayBack(memory: MessageMemory, i: number, packetInfo: boolean): Way {
  const { words, received, family } = memory
  const name = received.names + i * NAME_WORDS
  const at = name + (family === AF_INET ? ADDRESS4 : ADDRESS6)
  const control = packetInfo ? controlOf(memory, i) : undefined
  return family === AF_INET
    ? new Way(words[name]! | 0, words[at]! | 0, 0, 0, 0, 0, control)
    : new Way(
        words[name]! | 0,
        words[at]! | 0,
        words[at + 1]! | 0,
        words[at + 2]! | 0,
        words[at + 3]! | 0,
        words[name + SCOPE]! | 0,
        control
      )
}

/** The way to an upstream; the kernel chooses the local address. @throws ADDRESS_INVALID */
export function wayTo(endpoint: Endpoint, system: System): Way {
  const name = encodeSockaddr(endpoint, system)
  const word = (at: number): number => name.readInt32LE(at * 4)
  return familyOf(name) === AF_INET
    ? new Way(word(0), word(ADDRESS4), 0, 0, 0, 0, undefined)
    : new Way(word(0), word(2), word(3), word(4), word(5), word(SCOPE), undefined)
}

/** Addresses message `i` of those to be sent. */
export function addressMessage(memory: MessageMemory, i: number, way: Way): void {
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

function controlOf({ words, received }: MessageMemory, i: number): Control {
  const at = received.controls + i * CONTROL_WORDS
  const word = (offset: number): number => words[at + offset]! | 0
  return {
    length: word(CMSG_LENGTH),
    level: word(CMSG_LEVEL),
    type: word(CMSG_TYPE),
    body: [word(4), word(5), word(6), word(7), word(8)]
  }
}

function writeControl({ words, sends }: MessageMemory, i: number, control: Control): void {
  const at = sends.controls + i * CONTROL_WORDS
  words[at + CMSG_LENGTH] = control.length
  words[at + CMSG_LEVEL] = control.level
  words[at + CMSG_TYPE] = control.type
  for (let k = 0; k < control.body.length; k++) words[at + 4 + k] = control.body[k]!
}
