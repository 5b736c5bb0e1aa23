import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { blocksOf, reasonNotRun, startOf, type Block } from './guides.js'
import { mask } from './mask.js'
import { Session } from './session.js'

/** What a clone has and guides use. */
const CLONE = ['rules', 'contrib', 'interdict.yaml']

/**
 * The page with the current output of its commands. A `yaml` block is a file of `rules/`, named by
 * its first line, or `interdict.yaml`; in a `console` block `$` begins a command, and its output
 * follows. Output that differs only by placeholders stays, in a block marked `varies`.
 *
 * @param folder empty
 * @param isFresh no output stays
 */
export async function pageNow(path: string, folder: string, isFresh = false): Promise<string> {
  const page = readFileSync(path, 'utf8')
  if (startOf(path) === 'clone') {
    for (const part of CLONE) cpSync(part, join(folder, part), { recursive: true })
  }
  const session = await Session.start(folder)
  const blocks = blocksOf(page)
  const now: string[] = []
  try {
    for (const block of blocks) now.push(await textNow(session, block))
  } finally {
    await session.end()
  }
  const isSame = blocks.every(
    ({ info, text }, i) => info !== 'varies' || mask(text) === mask(now[i]!)
  )
  let text = ''
  let end = 0
  for (const [i, block] of blocks.entries()) {
    const isKept = isSame && !isFresh && block.info === 'varies'
    text += page.slice(end, block.from) + (isKept ? block.text : now[i]!)
    end = block.to
  }
  return text + page.slice(end)
}

async function textNow(session: Session, block: Block): Promise<string> {
  const { indent, kind, text } = block
  const lines = text.replace(new RegExp(`^${indent}`, 'gm'), '')
  if (reasonNotRun(block) !== undefined) return text
  if (kind === 'yaml') {
    session.write(lines)
    return text
  }
  let output = ''
  for (const [line, command] of lines.matchAll(/^\$ (.*)$/gm)) {
    output += `${line}\n${await session.run(command!)}`
  }
  return output.replace(/^(?=.)/gm, indent)
}
