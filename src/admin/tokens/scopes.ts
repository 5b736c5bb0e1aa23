/** What a token or a person may do. Independent: `policy` does not include `read`. */
export const SCOPES = ['read', 'operate', 'policy', 'devices', 'egress'] as const
/** For people. `devices` is for programs that name devices, `egress` for firewalls. */
export const ROLE_SCOPES = ['read', 'operate', 'policy'] as const
export type Scope = (typeof SCOPES)[number]
