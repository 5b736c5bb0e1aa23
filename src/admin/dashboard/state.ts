import { computed, signal } from '@preact/signals'
import { ApiClient, ApiError } from '../web/api/client.js'
import type { ShownJob } from '../web/api/follow-job.js'
import type { Me, Scope } from '../web/api/types/status-responses.js'
import { Formatter } from '../web/locale-format.js'
import { hubText } from '../web/hub-text.js'
import english from '../web/messages/en.json'
import { chooseLanguage, translate, type Language, type Values } from '../web/translate.js'
import type { Messages } from '../web/messages/dashboard-texts.js'
import { pageAt, type PageId } from '../web/pages.js'
import { reportText } from '../web/translate-report.js'

/** What all pages share. */

export interface Place {
  /** Undefined: the page does not exist. */
  readonly page: PageId | undefined
  readonly parameters: URLSearchParams
}

const placeNow = (): Place => ({
  page: pageAt(location.pathname),
  parameters: new URLSearchParams(location.search)
})

export const place = signal(placeNow())
/** Undefined: not known yet. */
export const me = signal<Me | undefined>(undefined)
/** Why the login page is shown, if somebody was logged in. */
export const hasExpired = signal(false)
export const isReachable = signal(true)
/** Wall-clock time, for ages; counted on every ten seconds. */
export const now = signal(Date.now())
export const host = signal('')
/** Counted on when somebody has changed what the status shows: it is read again. */
export const statusRound = signal(0)
/** What pages wait for, by the id of the job. */
export const jobs = signal<ReadonlyMap<string, ShownJob>>(new Map())
/** Whether the gateway shows the fleet of a hub. */
export const hasFleet = signal(false)
/** Whether the gateway has feeds that name devices. */
export const hasBindings = signal(false)
/** Of the rules, whose dates mean its days; undefined until it is known: that of the browser. */
export const timeZone = signal<string | undefined>(undefined)

setInterval(() => (now.value = Date.now()), 10_000)
addEventListener('popstate', () => (place.value = placeNow()))

/** Goes to a page of the dashboard. */
export function navigate(url: string, replace = false): void {
  if (replace) history.replaceState(null, '', url)
  else history.pushState(null, '', url)
  const before = place.value.page
  place.value = placeNow()
  if (before !== place.value.page) scrollTo(0, 0)
}

const TOKEN = 'interdict.token'
/** Storage that may be switched off: then a reload asks again. */
function stored(area: () => Storage, name: string): string | undefined {
  try {
    return area().getItem(name) ?? undefined
  } catch {
    return undefined
  }
}
function store(area: () => Storage, name: string, value: string | undefined): void {
  try {
    if (value === undefined) area().removeItem(name)
    else area().setItem(name, value)
  } catch {
    // See `stored`.
  }
}
const tab = (): Storage => sessionStorage
const browser = (): Storage => localStorage

/** Values of this tab that survive leaving a page, until it is closed. */
export const kept = {
  get(name: string): unknown {
    const text = stored(tab, name)
    return text === undefined ? undefined : JSON.parse(text)
  },
  set(name: string, value: object | undefined): void {
    store(tab, name, value === undefined ? undefined : JSON.stringify(value))
  }
}

const EDITS = 'interdict.edits'
/** Rule files edited on Change or by forms of other pages, by path. */
export const edits = {
  all: (): ReadonlyMap<string, string> =>
    new Map(Object.entries((kept.get(EDITS) ?? {}) as Record<string, string>)),
  set: (files: Readonly<Record<string, string>>): void => kept.set(EDITS, files),
  forget: (): void => kept.set(EDITS, undefined)
}

/** Of this tab alone: it is gone when the tab is closed. */
let token = stored(tab, TOKEN)

export const api = new ApiClient({
  fetch: (input, init) => fetch(input, init),
  token: () => token,
  onUnauthorized: () => {
    if (me.value?.name != null) hasExpired.value = true
    token = undefined
    store(tab, TOKEN, undefined)
    me.value = { name: null, scopes: [], sessionEnds: null, login: me.value?.login ?? null }
  },
  onReachable: reachable => (isReachable.value = reachable),
  onJob: (id, shown) => {
    const others = [...jobs.value].filter(([one]) => one !== id)
    jobs.value = new Map(shown === undefined ? others : [...others, [id, shown]])
  }
})

/** Finds out who one is, with the token or session there is. */
export async function identify(): Promise<void> {
  try {
    me.value = await api.get<Me>('/me')
    if (me.value.name !== null) hasExpired.value = false
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    if (error.status !== 401) {
      setTimeout(() => void identify(), 3_000)
      return
    }
    me.value = await api.get<Me>('/me')
  }
}

/** @throws ApiError the token is not valid */
export async function logIn(wanted: string): Promise<void> {
  token = wanted
  try {
    const found = await api.get<Me>('/me')
    store(tab, TOKEN, wanted)
    hasExpired.value = false
    me.value = found
  } catch (error) {
    token = undefined
    throw error
  }
}

export async function logOut(): Promise<void> {
  const hadToken = token !== undefined
  token = undefined
  store(tab, TOKEN, undefined)
  const ended = hadToken
    ? undefined
    : await api.send<{ provider: string | null }>('POST', '/logout').catch(() => undefined)
  me.value = { name: null, scopes: [], sessionEnds: null, login: me.value?.login ?? null }
  if (ended?.provider != null) location.assign(ended.provider)
}

export const may = (scope: Scope): boolean => me.value?.scopes.includes(scope) === true

export type Theme = 'auto' | 'light' | 'dark'
const THEME = 'interdict.theme'
export const theme = signal<Theme>((stored(browser, THEME) as Theme | undefined) ?? 'auto')
theme.subscribe(value => {
  if (value === 'auto') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = value
  store(browser, THEME, value === 'auto' ? undefined : value)
})

const LANGUAGE = 'interdict.language'
export const language = signal<Language>(
  chooseLanguage(stored(browser, LANGUAGE), navigator.languages)
)
const messages = signal<Messages>(english)
export const format = computed(() => new Formatter(language.value, timeZone.value))

const LOADERS: Readonly<Record<Language, () => Promise<{ readonly default: Messages }>>> = {
  en: () => Promise.resolve({ default: english }),
  fr: () => import('../web/messages/fr.json'),
  nl: () => import('../web/messages/nl.json'),
  de: () => import('../web/messages/de.json')
}

/** Loads the texts of a language, then shows them. */
export async function speak(wanted: Language, remember = true): Promise<void> {
  const loaded = await LOADERS[wanted]()
  messages.value = loaded.default
  language.value = wanted
  document.documentElement.lang = wanted
  if (remember) store(browser, LANGUAGE, wanted)
}

/** A text in the language of the user. */
export function t(key: keyof Messages, values: Values = {}): string {
  return translate(messages.value, language.value, key, values)
}

/** A sentence of the hub, which writes English, in the language of the user. */
export const fromHub = (sentence: string): string => hubText(sentence, t, format.value)

const utc = computed(() => new Formatter(language.value, 'UTC'))

/** A text of a report, which is English, in the language of the user. */
export const fromReport = (text: string): string => reportText(text, t, utc.value)

/** A text for a word of the API, such as a verdict; the word itself if there is none. */
export function word(prefix: string, value: string): string {
  const key = `${prefix}.${value}` as keyof Messages
  return key in messages.value ? t(key) : value
}
