/** What a token or a person may do. Independent: `policy` does not include `read`. */
export const SCOPES = ['read', 'operate', 'policy'] as const
export type Scope = (typeof SCOPES)[number]
