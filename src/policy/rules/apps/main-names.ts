import type { AppName } from '../schema/app-schema.js'

/** What is known of a name of an app. */
export interface NameFacts extends Pick<AppName, 'role' | 'confidence'> {
  readonly line: number
  /** How many sources name it. */
  readonly evidence: number
}

/** Without these an app does not work: its API and feed, its program, its site with the login, its videos. */
const MAIN_ROLES: readonly (AppName['role'] | undefined)[] = ['api', 'app', 'web', 'cdn', undefined]
/** The main names of an app; each has a role of its own. */
const MOST = 3
const CONFIDENCE = { high: 3, medium: 2, low: 1 } as const

/**
 * The main names of an app: of each main role the name with the strongest evidence, the strongest first. Among equals
 * the first one in the file, so that an app without facts has one.
 *
 * @returns their lines
 */
export function mainNames(names: readonly NameFacts[]): readonly number[] {
  const best = MAIN_ROLES.flatMap(role => {
    const [first] = names.filter(it => it.role === role).sort(byEvidence)
    return first ?? []
  })
  return best
    .sort(byEvidence)
    .slice(0, MOST)
    .map(({ line }) => line)
}

const byEvidence = (a: NameFacts, b: NameFacts): number =>
  weightOf(b) - weightOf(a) || b.evidence - a.evidence

const weightOf = ({ confidence }: NameFacts): number =>
  confidence === undefined ? 0 : CONFIDENCE[confidence]
