/**
 * Colours of all pages that Interdict makes, by meaning. Blue, orange and green are distinguishable with
 * nearly every kind of colour blindness; text has a contrast of 4.5:1 on its background (WCAG 2.2, 1.4.3), in
 * light and dark.
 */
export const LIGHT = {
  paper: '#f6f7f9',
  card: '#ffffff',
  ink: '#1a1f24',
  faint: '#545c65',
  rule: '#d8dde2',
  shade: '#eef1f4',
  accent: '#1d5a9a',
  focus: '#1d5a9a',
  blocked: '#2166ac',
  monitored: '#d9820f',
  allowed: '#2e8b57',
  stale: '#8a6fb0',
  other: '#9aa3ab',
  good: '#1f6b41',
  warn: '#8f3a00',
  'warn-shade': '#fff1e3',
  'warn-rule': '#e8a35c',
  beyond: '#00000030'
} as const

export type Token = keyof typeof LIGHT

export const DARK: Readonly<Record<Token, string>> = {
  paper: '#0f1214',
  card: '#171b1e',
  ink: '#e5e8eb',
  faint: '#a3acb5',
  rule: '#343b42',
  shade: '#20262b',
  accent: '#7db8ee',
  focus: '#7db8ee',
  blocked: '#6aaee8',
  monitored: '#f0a848',
  allowed: '#62c08d',
  stale: '#b79be0',
  other: '#7b848c',
  good: '#72cf9b',
  warn: '#ffb57a',
  'warn-shade': '#33230f',
  'warn-rule': '#9a5f20',
  beyond: '#ffffff38'
}

/**
 * The colours as CSS variables: those of the system, unless the element `html` has `data-theme` with `light`
 * or `dark`.
 */
export function tokensCss(): string {
  const light = variables(LIGHT)
  const dark = variables(DARK)
  return `:root { color-scheme: light dark; ${light} }
@media (prefers-color-scheme: dark) { :root:not([data-theme='light']) { ${dark} } }
:root[data-theme='light'] { color-scheme: light; }
:root[data-theme='dark'] { color-scheme: dark; ${dark} }
`
}

/** On paper: black on white, whatever the screen has. */
export function printTokensCss(): string {
  return `:root, :root:not([data-theme='light']), :root[data-theme='dark'] { color-scheme: light; ${variables(
    {
      ...LIGHT,
      paper: '#ffffff',
      ink: '#000000',
      faint: '#3c4248'
    }
  )} }`
}

function variables(colours: Readonly<Record<Token, string>>): string {
  return Object.entries(colours)
    .map(([name, colour]) => `--${name}: ${colour};`)
    .join(' ')
}
