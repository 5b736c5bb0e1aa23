import { BAN } from './rules.js'
import { inRounds, interdict, type Rounds } from './timed.js'

/** A question to the month. */
export interface Question {
  readonly words: readonly string[]
  /** Asked once only, for it has no budget. */
  readonly once?: true
}

export const BY_APP: Question = { words: ['report', '--by', 'app', '--since', '30d'] }
export const OF_BAN: Question = { words: ['report', 'ban', BAN] }
const QUESTIONS: readonly Question[] = [
  BY_APP,
  OF_BAN,
  { words: ['report', '--by', 'client', '--since', '30d'], once: true },
  { words: ['report', '--by', 'name', '--since', '30d'], once: true },
  { words: ['report', 'daily'], once: true },
  { words: ['report', 'bypass'], once: true },
  { words: ['report', 'new-names'], once: true },
  { words: ['query', 'SELECT qtype, count(*) FROM lookups GROUP BY qtype'], once: true }
]

export interface Answered extends Rounds {
  readonly question: Question
}

export async function askMonth(
  settings: string,
  log: string,
  rounds: number,
  say: (text: string) => void
): Promise<Answered[]> {
  const answers: Answered[] = []
  for (const question of QUESTIONS) {
    const command = interdict(...question.words, '-c', settings, '--log', log)
    const answer = await inRounds(command, question.once ? 1 : rounds)
    answers.push({ question, ...answer })
    say(`interdict ${question.words.join(' ')}: ${Math.round(answer.time.median)} ms`)
  }
  return answers
}
