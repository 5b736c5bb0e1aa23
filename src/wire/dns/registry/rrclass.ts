/** Classes. RFC 1035 §3.2.4, RFC 6895 §3.2. */
export const RRCLASS = { IN: 1, CH: 3, NONE: 254, ANY: 255 } as const
