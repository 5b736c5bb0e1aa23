/** What the dashboard reads of responses about drafts; see `rule-responses.ts`. */

interface Step {
  readonly by: string
  readonly at: string
}

export interface DraftSummary {
  readonly id: string
  readonly title: string
  readonly reason: string
  readonly made: Step
  readonly approved: Step | null
  readonly applied: Step | null
  readonly files: readonly string[]
  readonly outdated: readonly string[]
  readonly ready: boolean
}

export interface DraftList {
  readonly approval: 'none' | 'second-person'
  /** Whether a signed bundle puts drafts in force. */
  readonly bundle: boolean
  readonly drafts: readonly DraftSummary[]
}

export interface Draft extends DraftSummary {
  readonly diff: string
  readonly texts: Readonly<Record<string, string>>
}
