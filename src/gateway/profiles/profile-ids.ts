/** Published guidance that settings and rules can be compared with: a YAML file each. */
export const PROFILES = ['nist-800-81r3', 'nsa-cisa-pdns', 'cisa-encrypted-dns', 'nis2'] as const

export type ProfileId = (typeof PROFILES)[number]
