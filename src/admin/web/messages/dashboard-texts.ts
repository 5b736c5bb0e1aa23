import type english from './en.json'

/** Texts of the dashboard in one language. A bar separates the forms for one and for other numbers `{n}`. */
export type Messages = Readonly<Record<keyof typeof english, string>>
