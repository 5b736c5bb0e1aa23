import { JUDGES } from './judges.js'
import type { Judgement, JudgedFacts, JudgedState } from './judgement.js'
import type { ProfileId } from './profile-ids.js'
import { loadProfile } from './profile.js'

/** A profile compared with settings and rules; its JSON form is public. */
export interface JudgedProfile {
  readonly profile: string
  readonly title: string
  readonly document: string
  readonly original: string
  readonly counts: Readonly<Record<JudgedState, number>>
  readonly requirements: readonly (Judgement & {
    readonly id: string
    readonly section: string
    readonly text: string
  })[]
}

/** Judges each requirement of a profile by settings and rules. It says what was read, never that anybody complies. */
export function judgeProfile(id: ProfileId, facts: JudgedFacts): JudgedProfile {
  const { profile, title, document, original, requirements } = loadProfile(id)
  const judged = requirements.map(({ id, section, text, judge }) => {
    return { id, section, text, ...JUDGES[judge]!(facts) }
  })
  const count = (state: JudgedState): number => judged.filter(one => one.state === state).length
  const counts = {
    met: count('met'),
    partly: count('partly'),
    'not met': count('not met'),
    'not applicable': count('not applicable'),
    'not known': count('not known')
  }
  return { profile, title, document, original, counts, requirements: judged }
}
