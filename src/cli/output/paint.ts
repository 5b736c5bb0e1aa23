const CODES = { bold: 1, red: 31, green: 32, yellow: 33 } as const
export type Paint = keyof typeof CODES

/** Colours, on a terminal that wants them. https://no-color.org */
export function paint(how: Paint, text: string): string {
  const wanted = process.stdout.isTTY && (process.env.NO_COLOR ?? '') === ''
  return wanted ? `\x1b[${CODES[how]}m${text}\x1b[0m` : text
}
