import {
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
  type CompletionContext,
  type CompletionResult
} from '@codemirror/autocomplete'
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands'
import { yaml } from '@codemirror/lang-yaml'
import { bracketMatching, indentOnInput } from '@codemirror/language'
import { lintGutter, lintKeymap, setDiagnostics, type Diagnostic } from '@codemirror/lint'
import { highlightSelectionMatches, search, searchKeymap } from '@codemirror/search'
import { Compartment, EditorState, type Extension } from '@codemirror/state'
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  keymap,
  lineNumbers
} from '@codemirror/view'
import { useEffect, useRef } from 'preact/hooks'
import { EDITOR_PHRASES } from '../../../web/editor/editor-phrases.js'
import type { RuleNames } from '../../../web/editor/rule-names.js'
import { rangeOf, type PlacedProblem } from '../../../web/editor/rule-problems.js'
import { optionsAt, schemaFor } from '../../../web/editor/schema-options.js'
import { placeIn } from '../../../web/editor/yaml-place.js'
import type { Language } from '../../../web/translate.js'
import { language } from '../../state.js'
import { THEME } from './editor-theme.js'
import { SCHEMAS } from './rule-schemas.js'

export interface CodeEditorProps {
  /** Another one needs another editor: give it as key. */
  readonly path: string
  /** When the editor opens. */
  readonly text: string
  readonly names: RuleNames
  /** Of this file. */
  readonly problems: readonly PlacedProblem[]
  /** Where to put the cursor: line and column; each new object moves it. */
  readonly goal: { readonly line: number; readonly column: number } | undefined
  readonly onChange: (text: string) => void
}

/** An editor for one rule file. Tab leaves it: indentation is by Enter, spaces, Ctrl+[ and Ctrl+]. */
export default function CodeEditor({
  path,
  text,
  names,
  problems,
  goal,
  onChange
}: CodeEditorProps) {
  const host = useRef<HTMLDivElement>(null)
  const view = useRef<EditorView | undefined>(undefined)
  // The editor outlives renders, so it reads the newest of these.
  const current = useRef({ names, onChange })
  current.current = { names, onChange }
  useEffect(() => {
    // The policy of the page forbids style elements: in a shadow root, CodeMirror adopts a style sheet instead.
    const root = host.current!.shadowRoot ?? host.current!.attachShadow({ mode: 'open' })
    const changes = EditorView.updateListener.of(({ docChanged, state }) => {
      if (docChanged) current.current.onChange(state.sliceDoc())
    })
    const complete = (context: CompletionContext): CompletionResult | null =>
      completionIn(context, path, current.current.names)
    const extensions = [...SETUP, autocompletion({ override: [complete], icons: false }), changes]
    const state = EditorState.create({
      doc: text,
      extensions: [
        ...extensions,
        TEXTS.of(textsIn(language.value)),
        // Lines end as they did.
        EditorState.lineSeparator.of(text.includes('\r\n') ? '\r\n' : '\n'),
        EditorView.contentAttributes.of({ 'aria-label': path, spellcheck: 'false', tabindex: '0' })
      ]
    })
    const opened = new EditorView({ state, parent: root, root })
    view.current = opened
    return () => opened.destroy()
  }, [path])
  useEffect(
    () => view.current!.dispatch({ effects: TEXTS.reconfigure(textsIn(language.value)) }),
    [path, language.value]
  )
  useEffect(() => {
    const { state } = view.current!
    view.current!.dispatch(setDiagnostics(state, diagnosticsIn(state, problems)))
  }, [path, problems])
  useEffect(() => {
    if (goal === undefined) return
    const { state } = view.current!
    const [anchor] = offsetsOf(state, goal)
    view.current!.dispatch({ selection: { anchor }, scrollIntoView: true })
    view.current!.focus()
  }, [path, goal])
  return <div ref={host} data-editor={path} role="group" aria-label={path} />
}

/** Texts of the editor, which change with the language of the page. */
const TEXTS = new Compartment()
const textsIn = (one: Language): Extension => EditorState.phrases.of(EDITOR_PHRASES[one])

const SETUP: readonly Extension[] = [
  lineNumbers(),
  lintGutter(),
  history(),
  drawSelection(),
  indentOnInput(),
  bracketMatching(),
  closeBrackets(),
  highlightActiveLine(),
  highlightActiveLineGutter(),
  highlightSelectionMatches(),
  // The browser's own search does not find lines that are out of sight.
  search({ top: true }),
  yaml(),
  THEME,
  keymap.of([
    ...closeBracketsKeymap,
    ...defaultKeymap,
    ...searchKeymap,
    ...historyKeymap,
    ...completionKeymap,
    ...lintKeymap
  ])
]

function completionIn(
  { state, pos, explicit }: CompletionContext,
  path: string,
  names: RuleNames
): CompletionResult | null {
  const schema = SCHEMAS[schemaFor(path) ?? '']
  if (schema === undefined) return null
  const text = state.doc.toString()
  const place = placeIn(text, pos)
  if (place === undefined || (!explicit && place.from === pos && place.expects !== 'value'))
    return null
  const options = optionsAt(schema, place, names).map(({ label, kind, info }) => ({
    label,
    type: kind,
    apply: kind === 'key' && !/^ *:/.test(text.slice(pos)) ? `${label}: ` : label,
    ...(info !== undefined && { info })
  }))
  return { from: place.from, options, validFor: /^[\w-]*$/ }
}

/** Lines may be fewer since the check. */
function offsetsOf(
  { doc }: EditorState,
  { line, column }: { readonly line: number; readonly column: number }
): readonly [from: number, to: number] {
  const found = doc.line(Math.min(Math.max(line, 1), doc.lines))
  const [start, end] = rangeOf(found.text, column)
  return [found.from + start, found.from + end]
}

function diagnosticsIn(state: EditorState, problems: readonly PlacedProblem[]): Diagnostic[] {
  return problems.map(problem => {
    const { severity, message, code } = problem
    const [from, to] = offsetsOf(state, problem)
    return { from, to, severity, message, source: code }
  })
}
