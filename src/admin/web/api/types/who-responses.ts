/** What the dashboard reads of responses about devices: see log-responses.ts. */

export interface Device {
  readonly mac?: string | undefined
  readonly host?: string | undefined
  readonly duid?: string | undefined
  readonly user?: string | undefined
  readonly groups?: readonly string[] | undefined
  readonly port?: string | undefined
}

export interface Attribution {
  readonly status: 'known' | 'unknown'
  /** Why it is unknown. */
  readonly reason: string | null
  readonly device: Device | null
  readonly bindings: readonly { readonly source: string; readonly from: string }[]
}
