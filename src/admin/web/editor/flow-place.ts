/** An open bracket: of a mapping, with the key whose value comes next, or of a list. */
interface Frame {
  readonly isMapping: boolean
  key: string | undefined
  readonly keys: string[]
}

/** The end of a value on one line, such as `[tiktok, ` or `{ id: x, mo`. */
export interface FlowPlace {
  /** Below the key whose value it is. */
  readonly path: readonly string[]
  /** Undefined: no bracket is open. */
  readonly expects: 'key' | 'value' | undefined
  /** Offset of the word that is being typed. */
  readonly from: number
  readonly present: readonly string[]
}

/** @returns undefined: the value is complete, or a comment or quoted text has begun */
export function flowPlace(text: string): FlowPlace | undefined {
  const frames: Frame[] = []
  let start = 0
  let isDone = false
  let quote = ''
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!
    const top = frames.at(-1)
    const word = text.slice(start, at).trim()
    if (quote !== '') {
      if (char === quote) quote = ''
    } else if ((char === '"' || char === "'") && word === '') quote = char
    else if (char === '#' && /(?:^|\s)$/.test(text.slice(0, at))) return undefined
    else if ((char === '{' || char === '[') && word === '') {
      frames.push({ isMapping: char === '{', key: undefined, keys: [] })
      start = at + 1
    } else if ((char === '}' || char === ']') && top !== undefined) {
      frames.pop()
      start = at + 1
      isDone = frames.length === 0
    } else if (char === ',' && top !== undefined) {
      top.key = undefined
      start = at + 1
    } else if (char === ':' && top?.isMapping === true && /\s/.test(text[at + 1] ?? '')) {
      top.key = word.replace(/^(["'])(.*)\1$/, '$2')
      top.keys.push(top.key)
      start = at + 1
    }
  }
  if (quote !== '' || isDone) return undefined
  return placeAfter(frames, start + /^\s*/.exec(text.slice(start))![0].length)
}

function placeAfter(frames: readonly Frame[], from: number): FlowPlace {
  const path = frames.flatMap(({ isMapping, key }) =>
    isMapping ? (key === undefined ? [] : [key]) : ['[]']
  )
  const top = frames.at(-1)
  if (top === undefined) return { path, expects: undefined, from, present: [] }
  const expects = top.isMapping && top.key === undefined ? 'key' : 'value'
  return { path, expects, from, present: top.keys }
}
