import type { Messages } from './messages/dashboard-texts.js'

export type Values = Readonly<Record<string, string | number>>

export const LANGUAGES = { en: 'English', fr: 'Français', nl: 'Nederlands', de: 'Deutsch' } as const
export type Language = keyof typeof LANGUAGES

/** The stored choice, or the first language of the browser that there is, or English. */
export function chooseLanguage(stored: string | undefined, preferred: readonly string[]): Language {
  const wanted = [stored ?? '', ...preferred].map(one => one.toLowerCase().split('-', 1)[0]!)
  return (wanted.find(one => one in LANGUAGES) as Language | undefined) ?? 'en'
}

/**
 * A text with values in the place of `{name}`. A text with a bar has two forms, for one and for other numbers: `{n}` in
 * it is the number.
 */
export function translate(
  messages: Messages,
  language: Language,
  key: keyof Messages,
  values: Values = {}
): string {
  const forms = messages[key].split('|')
  const count = values.n
  const isOne = typeof count === 'number' && new Intl.PluralRules(language).select(count) === 'one'
  const form = forms.length > 1 && !isOne ? forms[1]! : forms[0]!
  return form.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = values[name]
    return typeof value === 'number'
      ? new Intl.NumberFormat(language).format(value)
      : (value ?? `{${name}}`)
  })
}
