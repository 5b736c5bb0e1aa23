import { useState } from 'preact/hooks'
import type { Upload } from '../../../web/api/client.js'
import { rulesPath } from '../../../web/proposed-change.js'
import { t } from '../../state.js'

export const FOLDER = 'application/vnd.interdict.rules+json'
export const BUNDLE = 'application/octet-stream'

/** The files of the configured rules. */
export interface RuleFiles {
  readonly bundle: boolean
  readonly files: readonly {
    readonly path: string
    readonly size: number
    readonly text: string | null
  }[]
}

/** What is to be checked: a bundle, a whole folder, or some changed files. */
export interface Proposal {
  readonly upload: Upload
  readonly base: 'none' | 'active'
  readonly summary: string
  /** Whether it can be packed: it is not a bundle already. */
  readonly isFolder: boolean
}

async function proposalOf(files: readonly File[]): Promise<Proposal | undefined> {
  const [first] = files
  if (first === undefined) return undefined
  if (files.length === 1 && first.name.endsWith('.bundle'))
    return {
      upload: { type: BUNDLE, body: first },
      base: 'none',
      summary: first.name,
      isFolder: false
    }
  const texts: Record<string, string> = {}
  for (const file of files) {
    const path = rulesPath(file.webkitRelativePath, file.name)
    if (path !== undefined) texts[path] = await file.text()
  }
  // Single files change the rules in force; a folder with networks.yaml replaces them.
  const isWhole = 'networks.yaml' in texts && Object.keys(texts).length > 1
  return {
    upload: { type: FOLDER, body: JSON.stringify(texts) },
    base: isWhole ? 'none' : 'active',
    summary: `${Object.keys(texts).sort().slice(0, 6).join(', ')}${Object.keys(texts).length > 6 ? ' …' : ''} (${files.length})`,
    isFolder: true
  }
}

export function Choose({
  onChosen
}: {
  readonly onChosen: (proposal: Proposal | undefined) => void
}) {
  const [isOver, setOver] = useState(false)
  const choose = (list: FileList | null): void => void proposalOf([...(list ?? [])]).then(onChosen)
  return (
    <div
      class={isOver ? 'drop over' : 'drop'}
      onDragOver={event => {
        event.preventDefault()
        setOver(true)
      }}
      onDragLeave={() => setOver(false)}
      onDrop={event => {
        event.preventDefault()
        setOver(false)
        choose(event.dataTransfer?.files ?? null)
      }}
    >
      <p>{t('change.drop')}</p>
      <div class="row">
        <label class="field">
          <span>{t('change.files')}</span>
          <input
            type="file"
            multiple
            data-input="files"
            onChange={event => choose(event.currentTarget.files)}
          />
        </label>
        <label class="field">
          <span>{t('change.folder')}</span>
          <input
            type="file"
            multiple
            {...{ webkitdirectory: true }}
            onChange={event => choose(event.currentTarget.files)}
          />
        </label>
      </div>
      <p class="note">{t('change.filesNote')}</p>
    </div>
  )
}
