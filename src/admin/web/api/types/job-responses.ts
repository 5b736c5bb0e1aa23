/** What the dashboard reads of responses about jobs; see `status-responses.ts`. */

export interface Job {
  readonly id: string
  readonly state: 'queued' | 'running' | 'done' | 'failed' | 'cancelled'
  readonly created: string
  readonly ended: string | null
  readonly progress: { readonly command: string; readonly done: number | null } | null
  readonly problem: {
    readonly status: number
    readonly code: string
    readonly detail: string
  } | null
  /** Of a job that is done. */
  readonly result?: unknown
}
