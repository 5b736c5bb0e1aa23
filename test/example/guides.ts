import { readdirSync, readFileSync } from 'node:fs'

/** Pages whose commands are run in order, each page in a folder of its own. */
export const PAGES = [
  'docs/getting-started.md',
  ...readdirSync('docs/guides')
    .filter(file => file.endsWith('.md'))
    .sort()
    .map(file => `docs/guides/${file}`)
]

/** Where a guide begins: its line `Start in …`. */
export type Start = 'empty' | 'clone'

/** A block of YAML or of commands on a page. */
export interface Block {
  readonly kind: 'yaml' | 'console'
  /** After the kind: `varies`, `not-run: REASON`, or nothing. */
  readonly info: string
  readonly text: string
  /** Offsets of the text in the page. */
  readonly from: number
  readonly to: number
  /** White space before each of its lines, in a list. */
  readonly indent: string
}

/** Reasons for which commands of a guide do not run in `npm test`. */
export const REASONS = [
  'systemd',
  'network',
  'other programs',
  'other machines',
  'endless',
  'values of yours'
] as const

const FENCE = /^( *)```(yaml|console) ?(.*)\n([\s\S]*?)^\1```$/gm

export function blocksOf(page: string): Block[] {
  return Array.from(page.matchAll(FENCE), match => {
    const [whole, indent, kind, info, text] = match
    const to = match.index + whole.length - indent!.length - 3
    return {
      ...{ kind: kind as Block['kind'], info: info!, indent: indent! },
      ...{ text: text!, from: to - text!.length, to }
    }
  })
}

/** The reason for which a block is not run; undefined: it is run. */
export const reasonNotRun = ({ info }: Block): string | undefined =>
  /^not-run: (.*)$/.exec(info)?.[1]

export function startOf(path: string): Start {
  const lines = readFileSync(path, 'utf8').match(/^Start in .*$/gm) ?? []
  const [line = ''] = lines
  if (lines.length === 1 && line.startsWith('Start in an empty folder')) return 'empty'
  if (lines.length === 1 && line.startsWith('Start in a clone of the repository')) return 'clone'
  throw new Error(
    `${path}: has no single line "Start in an empty folder" or "… a clone of the repository"`
  )
}

/** Words with which a command begins. */
const COMMAND =
  /^( {4,}|\t)(interdict|dig|kdig|curl|openssl|systemctl|sudo|sh|unzip|python3|nats-server|mkdir|printf|npm|npx|git|tshark) /

/** Commands outside of console blocks, which no test would see. */
export function looseCommands(path: string): string[] {
  const text = readFileSync(path, 'utf8')
  const outside = text.replace(/^( *)```[^]*?^\1```$/gm, '')
  const indented = outside.split('\n').filter(line => COMMAND.test(line))
  const scripts = Array.from(
    text.matchAll(/^ *```(?:sh|bash|text)\n(.*)$/gm),
    ([, first]) => first!
  )
  return [...indented, ...scripts.filter(first => COMMAND.test(`    ${first}`))]
}
