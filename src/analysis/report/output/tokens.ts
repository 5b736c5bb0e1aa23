/**
 * Design tokens of the dashboard and of HTML reports: the one place for colours, spacing and type.
 *
 * Blue, orange and green are distinguishable with nearly every kind of colour blindness. Text has a contrast of at
 * least 4.5 with every background it stands on, lines and marks of at least 3 (WCAG 2.2 §1.4.3, §1.4.11), in light
 * and dark.
 */

/** By name; each is a CSS custom property with two hyphens before it. */
type Tokens = Readonly<Record<string, string>>

const LIGHT: Tokens = {
  // Backgrounds: of the page, of cards and tables on it, of what stands out on a card.
  page: '#f4f6f8',
  paper: '#ffffff',
  shade: '#eef1f4',
  // Text, text of less weight, lines between rows, borders of controls.
  ink: '#1a1f24',
  faint: '#56606a',
  rule: '#dde2e7',
  edge: '#7d8893',
  // Links, the selected page, the main button; text on it; a tint of it.
  accent: '#1d5fa8',
  'on-accent': '#ffffff',
  tint: '#e3edf8',
  // What happened to lookups, in charts and badges.
  blocked: '#2166ac',
  monitored: '#a86000',
  allowed: '#217a49',
  stale: '#8a5cb8',
  answered: '#8592a0',
  other: '#87929d',
  // How things are: good, worth a look, wrong; each with a background for text in it.
  good: '#1c7544',
  'good-shade': '#e4f4ea',
  warn: '#8f5200',
  'warn-shade': '#fdf1dd',
  bad: '#b3261e',
  'bad-shade': '#fdeceb',
  // Shadow of a card, and of a table that continues beyond its edge.
  shadow: '0 1px 2px #1a1f240f, 0 1px 6px #1a1f240a',
  beyond: '#00000038'
}

const DARK: Tokens = {
  page: '#0f1215',
  paper: '#171b1f',
  shade: '#20262b',
  ink: '#e6e9ec',
  faint: '#a0aab4',
  rule: '#2d343a',
  edge: '#78838e',
  accent: '#7db8f0',
  'on-accent': '#0c1a28',
  tint: '#1c2f42',
  blocked: '#6aaee8',
  monitored: '#f0a848',
  allowed: '#62c08d',
  stale: '#b894de',
  answered: '#74818d',
  other: '#7f8a94',
  good: '#6cc794',
  'good-shade': '#15291e',
  warn: '#f2b457',
  'warn-shade': '#30240f',
  bad: '#ff8f87',
  'bad-shade': '#371a18',
  shadow: '0 1px 2px #00000066',
  beyond: '#ffffff40'
}

/** The same in every scheme. */
const COMMON: Tokens = {
  sans: "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif",
  mono: "ui-monospace, 'SF Mono', 'Cascadia Mono', 'DejaVu Sans Mono', monospace",
  // Sizes of type: notes, tables, text, headings, titles, headline figures.
  'size-note': '0.8125rem',
  'size-table': '0.875rem',
  'size-text': '0.9375rem',
  'size-heading': '1.125rem',
  'size-title': '1.5rem',
  'size-figure': '1.875rem',
  // Distances, each about half as much again as the one before.
  'space-1': '0.25rem',
  'space-2': '0.5rem',
  'space-3': '0.75rem',
  'space-4': '1rem',
  'space-5': '1.5rem',
  'space-6': '2.5rem',
  radius: '0.5rem',
  'radius-small': '0.25rem'
}

const declarations = (tokens: Tokens): string =>
  Object.entries(tokens)
    .map(([name, value]) => `--${name}: ${value};`)
    .join('\n')

/**
 * The style sheet that defines all tokens. It follows the system's colour scheme, unless `<html data-theme>` says
 * `light` or `dark`; paper is always light.
 */
export const TOKENS = `:root {
color-scheme: light;
${declarations({ ...COMMON, ...LIGHT })}
}
@media screen {
@media (prefers-color-scheme: dark) {
:root:not([data-theme='light']) {
color-scheme: dark;
${declarations(DARK)}
}
}
:root[data-theme='dark'] {
color-scheme: dark;
${declarations(DARK)}
}
}
@media print {
:root { ${declarations({ page: '#ffffff', paper: '#ffffff', shade: '#ffffff', ink: '#000000', faint: '#444444', rule: '#bbbbbb', shadow: 'none' })} }
}
`

/** Colours by name, for tests of their contrast. */
export const SCHEMES = { light: LIGHT, dark: DARK } as const
