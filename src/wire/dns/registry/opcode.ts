/** Opcodes. RFC 1035 §4.1.1, RFC 1996 (NOTIFY), RFC 2136 (UPDATE). */
export const OPCODE = { QUERY: 0, STATUS: 2, NOTIFY: 4, UPDATE: 5 } as const
