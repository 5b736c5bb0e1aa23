import { failure } from '../../base/errors/error.js'
import type { Config } from '../../gateway/config/config.js'
import { DraftStore, type Draft } from '../../policy/edit/draft-store.js'
import { decodeBundle } from '../../sources/bundle/bundle.js'
import type { Content } from '../../sources/bundle/content.js'
import { configuredContent } from './configured-content.js'

/**
 * The draft that a bundle would put in force: the bundle has the configured rules with the changes of the draft, and nothing else.
 *
 * @param octets of a bundle whose signatures were verified
 * @returns undefined: there is none, and the settings need none
 * @throws InterdictError DRAFT_NEEDED: the settings need one that a second person has approved
 */
export async function draftOfBundle(octets: Buffer, config: Config): Promise<Draft | undefined> {
  const isNeeded = config.admin.approval !== 'none'
  const open = new DraftStore(config.state.folder)
    .list()
    .filter(({ applied, approved }) => applied === null && (approved !== null || !isNeeded))
  const found = open.length === 0 ? undefined : await matching(octets, open, config)
  if (found === undefined && isNeeded) throw failure('DRAFT_NEEDED')
  return found
}

async function matching(
  octets: Buffer,
  drafts: readonly Draft[],
  config: Config
): Promise<Draft | undefined> {
  const { content } = await decodeBundle(octets, 'the bundle')
  const before = await configuredContent(config)
  return drafts.find(({ files }) => {
    const texts = Object.entries(files).map(([name, text]) => [name, Buffer.from(text)] as const)
    return isSame(content, new Map([...before, ...texts]))
  })
}

const isSame = (a: Content, b: Content): boolean =>
  a.size === b.size &&
  [...a].every(([name, octets]) => {
    const other = b.get(name)
    return other !== undefined && Buffer.compare(octets, other) === 0
  })

/** Notes who has put a draft in force by a bundle. */
export function noteApplied(draft: Draft, { state }: Config, by: string, at: string): void {
  try {
    new DraftStore(state.folder).write({ ...draft, applied: { by, at } })
  } catch {
    // The rules are in force, so the request has not failed: the draft is shown as outdated.
  }
}
