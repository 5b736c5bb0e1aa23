/** Unchanged lines that are shown around changed ones. */
const CONTEXT = 3
/** Longer differences are shown as removed and added as a whole. */
const MAX_TABLE = 4_000_000

type Line = readonly [sign: ' ' | '-' | '+', text: string]

/** The difference between two texts in unified format, without a header; '': none. */
export function lineDiff(before: string, after: string): string {
  if (before === after) return ''
  return hunksOf(compareLines(linesOf(before), linesOf(after))).join('\n') + '\n'
}

/** The same for files by name; undefined: the file does not exist. */
export function fileDiff(
  name: string,
  before: string | undefined,
  after: string | undefined
): string {
  const body = lineDiff(before ?? '', after ?? '')
  if (body === '' && before !== undefined && after !== undefined) return ''
  const side = (text: string | undefined, prefix: string): string =>
    text === undefined ? '/dev/null' : `${prefix}/${name}`
  return `--- ${side(before, 'a')}\n+++ ${side(after, 'b')}\n${body}`
}

function linesOf(text: string): string[] {
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  return lines
}

function compareLines(before: readonly string[], after: readonly string[]): Line[] {
  let start = 0
  const most = Math.min(before.length, after.length)
  while (start < most && before[start] === after[start]) start++
  let end = 0
  while (end < most - start && before[before.length - 1 - end] === after[after.length - 1 - end])
    end++
  const same = (lines: readonly string[]): Line[] => lines.map(text => [' ', text])
  return [
    ...same(before.slice(0, start)),
    ...middle(before.slice(start, before.length - end), after.slice(start, after.length - end)),
    ...same(end === 0 ? [] : before.slice(-end))
  ]
}

/** By the longest common subsequence. */
function middle(before: readonly string[], after: readonly string[]): Line[] {
  const width = after.length + 1
  if (before.length * width > MAX_TABLE)
    return [...before.map(text => ['-', text] as const), ...after.map(text => ['+', text] as const)]
  const common = new Uint32Array((before.length + 1) * width)
  for (let i = before.length - 1; i >= 0; i--)
    for (let j = after.length - 1; j >= 0; j--)
      common[i * width + j] =
        before[i] === after[j]
          ? common[(i + 1) * width + j + 1]! + 1
          : Math.max(common[(i + 1) * width + j]!, common[i * width + j + 1]!)
  const lines: Line[] = []
  let [i, j] = [0, 0]
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      lines.push([' ', before[i]!])
      i++
      j++
    } else if (
      j === after.length ||
      (i < before.length && common[(i + 1) * width + j]! >= common[i * width + j + 1]!)
    )
      lines.push(['-', before[i++]!])
    else lines.push(['+', after[j++]!])
  }
  return lines
}

function hunksOf(lines: readonly Line[]): string[] {
  const isShown = lines.map(() => false)
  for (const [at, [sign]] of lines.entries()) {
    if (sign === ' ') continue
    for (let one = at - CONTEXT; one <= at + CONTEXT; one++) if (one in isShown) isShown[one] = true
  }
  const shown: string[] = []
  let [old, now] = [1, 1]
  for (const [at, [sign]] of lines.entries()) {
    if (isShown[at] === true && isShown[at - 1] !== true) {
      const end = isShown.indexOf(false, at)
      const part = lines.slice(at, end === -1 ? undefined : end)
      const count = (without: string): number => part.filter(([one]) => one !== without).length
      const [olds, nows] = [count('+'), count('-')]
      const from = (first: number, lines: number): number => (lines === 0 ? first - 1 : first)
      shown.push(`@@ -${from(old, olds)},${olds} +${from(now, nows)},${nows} @@`)
      shown.push(...part.map(line => line.join('')))
    }
    if (sign !== '+') old++
    if (sign !== '-') now++
  }
  return shown
}
