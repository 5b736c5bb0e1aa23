import type { ComponentType } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { t } from '../../state.js'
import type { CodeEditorProps } from './code-editor.js'

/** The editor, whose code is loaded when it is opened for the first time. */
export function LazyEditor(props: CodeEditorProps) {
  const [Editor, setEditor] = useState<ComponentType<CodeEditorProps> | undefined>(undefined)
  useEffect(() => void import('./code-editor.js').then(it => setEditor(() => it.default)), [])
  return Editor === undefined ? (
    <p class="loading" role="status">
      {t('loading')}
    </p>
  ) : (
    <Editor {...props} />
  )
}
