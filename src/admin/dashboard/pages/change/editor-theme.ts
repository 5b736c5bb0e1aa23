import { HighlightStyle, syntaxHighlighting } from '@codemirror/language'
import type { Extension } from '@codemirror/state'
import { EditorView } from '@codemirror/view'
import { tags } from '@lezer/highlight'

/** Colours are design tokens, which follow the theme of the dashboard. */
const FRAME = EditorView.theme({
  '&': {
    height: '32rem',
    color: 'var(--ink)',
    backgroundColor: 'var(--paper)',
    border: '1px solid var(--edge)',
    borderRadius: 'var(--radius-small)',
    fontSize: 'var(--size-note)'
  },
  '&.cm-focused': { outline: '2px solid var(--accent)', outlineOffset: '1px' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.5' },
  '.cm-content': { caretColor: 'var(--ink)' },
  '.cm-cursor': { borderLeftColor: 'var(--ink)' },
  '.cm-gutters': {
    color: 'var(--faint)',
    backgroundColor: 'var(--shade)',
    borderRight: '1px solid var(--rule)'
  },
  '.cm-activeLine': { backgroundColor: 'transparent' },
  '.cm-activeLineGutter': { color: 'var(--ink)', backgroundColor: 'var(--tint)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground':
    { background: 'color-mix(in srgb, var(--accent) 30%, transparent)' },
  '.cm-searchMatch': { backgroundColor: 'var(--warn-shade)', outline: '1px solid var(--warn)' },
  '.cm-searchMatch-selected': { outlineWidth: '2px' },
  '.cm-matchingBracket': { backgroundColor: 'var(--tint)', outline: '1px solid var(--edge)' }
})

const PARTS = EditorView.theme({
  '.cm-tooltip, .cm-panels': {
    color: 'var(--ink)',
    backgroundColor: 'var(--paper)',
    borderColor: 'var(--edge)'
  },
  '.cm-tooltip': { border: '1px solid var(--edge)', borderRadius: 'var(--radius-small)' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul': { fontFamily: 'var(--mono)', maxHeight: '14rem' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]': {
    color: 'var(--on-accent)',
    background: 'var(--accent)'
  },
  '.cm-completionMatchedText': { textDecoration: 'none', fontWeight: '700' },
  '.cm-completionInfo': {
    padding: '0.4rem 0.6rem',
    maxWidth: 'min(22rem, 70vw)',
    fontFamily: 'var(--sans)',
    whiteSpace: 'pre-line'
  },
  '.cm-diagnostic': { padding: '0.3rem 0.6rem', maxWidth: '32rem', fontFamily: 'var(--sans)' },
  '.cm-diagnostic-error': { borderLeftColor: 'var(--bad)' },
  '.cm-diagnostic-warning': { borderLeftColor: 'var(--warn)' },
  '.cm-diagnosticSource': { fontSize: 'inherit', opacity: '1', color: 'var(--faint)' },
  '.cm-lintRange-error, .cm-lintRange-warning': {
    backgroundImage: 'none',
    textDecoration: 'underline wavy var(--bad)',
    textUnderlineOffset: '0.2em'
  },
  '.cm-lintRange-warning': { textDecorationColor: 'var(--warn)' },
  '.cm-textfield, .cm-button': {
    minHeight: '1.75rem',
    fontSize: 'inherit',
    color: 'var(--ink)',
    background: 'var(--paper)',
    border: '1px solid var(--edge)',
    borderRadius: 'var(--radius-small)'
  },
  '.cm-panel.cm-search': { fontFamily: 'var(--sans)', padding: '0.4rem 2rem 0.4rem 0.6rem' },
  '.cm-panel.cm-search label': { fontSize: 'inherit' },
  '.cm-panel.cm-search [name=close]': {
    color: 'var(--ink)',
    minWidth: '1.75rem',
    minHeight: '1.75rem'
  }
})

const COLOURS = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: 'var(--accent)' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--good)' },
  { tag: [tags.comment, tags.lineComment], color: 'var(--faint)' },
  { tag: [tags.keyword, tags.meta, tags.typeName], color: 'var(--warn)' }
])

/** The look of the editor, light and dark. */
export const THEME: Extension = [FRAME, PARTS, syntaxHighlighting(COLOURS)]
