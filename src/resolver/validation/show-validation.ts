import type { ChainStep, Validation } from './verdict.js'

/** The chain of an answer as text: each step with its verdict, and what signed it or failed. */
export function showValidation({
  verdict,
  ede,
  reason,
  steps
}: Pick<Validation, 'verdict' | 'ede' | 'reason' | 'steps'>): string {
  const width = Math.max(0, ...steps.map(({ subject }) => subject.length))
  const lines = steps.map(step => showStep(step, width))
  const code = ede === undefined ? '' : ` (EDE ${ede})`
  lines.push('', `Verdict: ${verdict}${code}${reason === '' ? '' : `: ${reason}`}`)
  return `${lines.join('\n').trimStart()}\n`
}

function showStep({ subject, verdict, text }: ChainStep, width: number): string {
  return `${subject.padEnd(width)}  ${verdict.padEnd(8)}  ${text}`
}
