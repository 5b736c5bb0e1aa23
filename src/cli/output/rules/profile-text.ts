import type { JudgedProfile } from '../../../gateway/profiles/judge-profile.js'
import { wrap } from '../columns.js'

/** What settings and rules show of each requirement of a profile. */
export function toText({ title, document, original, counts, requirements }: JudgedProfile): string {
  const summary = Object.entries(counts).map(([state, count]) => `${count} ${state}`)
  return [
    `${title}: ${summary.join(', ')}`,
    ...wrap('This is what settings and rules show. It is not a statement of compliance.', WIDTH),
    ...wrap(document, WIDTH),
    ...wrap(original, WIDTH),
    ...requirements.flatMap(({ id, section, text, state, found, change }) => [
      '',
      `${state.toUpperCase()}  ${id}`,
      ...indented(`${text} (${section})`),
      ...indented(`Found: ${found}`),
      ...(change === null ? [] : indented(`Change: ${change}`))
    ]),
    ''
  ].join('\n')
}

const WIDTH = 80
const indented = (text: string): string[] => wrap(text, WIDTH - 2).map(line => `  ${line}`)
