import { quote } from '../../base/errors/messages/format.js'

/** A word that needs more edits than this is a different word, not a typo. */
const MAX_EDITS = 2
/** A shorter beginning of a word could be that of any. */
const MIN_PREFIX = 3

/** The known word that `word` is probably a misspelling of, if there is one. */
export function closest(word: string, known: Iterable<string>): string | undefined {
  let best: string | undefined
  let fewest = MAX_EDITS + 1
  for (const candidate of known) {
    if (Math.abs(candidate.length - word.length) >= fewest) continue
    const count = editDistance(word.toLowerCase(), candidate.toLowerCase())
    // Two-letter words would otherwise match any other two-letter word.
    if (count < fewest && count < Math.max(candidate.length, word.length) / 2) {
      best = candidate
      fewest = count
    }
  }
  return best ?? onlyWithSameBeginning(word.toLowerCase(), known)
}

/** The known word that `word` begins, or that begins `word`, if there is one only. */
function onlyWithSameBeginning(word: string, known: Iterable<string>): string | undefined {
  const [first, second] = [...known].filter(candidate => {
    const [short, long] = [word, candidate.toLowerCase()].sort((a, b) => a.length - b.length)
    return short!.length >= MIN_PREFIX && long!.startsWith(short!)
  })
  return second === undefined ? first : undefined
}

/** `; did you mean 'cache'?`, or an empty string: the end of an error message. */
export function didYouMean(word: string, known: Iterable<string>): string {
  const guess = closest(word, known)
  return guess === undefined ? '' : suggest(guess)
}

/** `; did you mean 'cache'?` */
export function suggest(word: string): string {
  return `; did you mean ${quote(word)}?`
}

/** Number of insertions, deletions, replacements and transpositions that turn `a` into `b`. */
function editDistance(a: string, b: string): number {
  let before: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      let count = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + same)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        count = Math.min(count, before[j - 2]! + 1)
      }
      next.push(count)
    }
    before = row
    row = next
  }
  return row[b.length]!
}
