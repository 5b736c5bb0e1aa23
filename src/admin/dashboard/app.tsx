import type { ComponentType } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { Machine, Status } from '../web/api/types/status-responses.js'
import { PAGES, type PageId } from '../web/pages.js'
import { LANGUAGES, type Language } from '../web/translate.js'
import { Alert, Title } from './components.js'
import { Icon, Logo } from './icons.js'
import { Login } from './login.js'
import { Now } from './pages/now.js'
import { PauseBanner } from './pause-banner.js'
import { RunningJobs } from './running-jobs.js'
import {
  hasBindings,
  hasExpired,
  hasFleet,
  host,
  isReachable,
  language,
  logOut,
  may,
  me,
  place,
  speak,
  statusRound,
  t,
  theme,
  timeZone,
  type Theme
} from './state.js'
import { useApi } from './use-api.js'
import { useMedia } from './use-media.js'

/** Pages other than the first are loaded when they are opened. */
const LOADERS: Readonly<
  Record<Exclude<PageId, 'now'>, () => Promise<{ readonly Page: ComponentType }>>
> = {
  why: () => import('./pages/why.js'),
  log: () => import('./pages/log.js'),
  explore: () => import('./pages/explore.js'),
  threats: () => import('./pages/threats.js'),
  bans: () => import('./pages/bans.js'),
  bypass: () => import('./pages/bypass.js'),
  change: () => import('./pages/change.js'),
  reports: () => import('./pages/reports.js'),
  gateways: () => import('./pages/gateways.js'),
  system: () => import('./pages/system.js')
}
const loaded = new Map<PageId, ComponentType>([['now', Now]])

export function App() {
  const person = me.value
  if (person === undefined)
    return <main>{isReachable.value ? <p class="loading">{t('loading')}</p> : <Offline />}</main>
  if (person.name === null) return <Login hasExpired={hasExpired.value} login={person.login} />
  return <Frame />
}

function Offline() {
  return (
    <div class="offline" role="alert">
      <Alert tone="bad" title={t('offline.title')}>
        <p>{t('offline.text')}</p>
      </Alert>
    </div>
  )
}

/** The menu is above the page: see the style sheet. */
const NARROW = matchMedia('(max-width: 62rem)')

function Frame() {
  const isNarrow = useMedia(NARROW)
  const status = useApi<Status>(may('read') ? '/status' : undefined, {}, 10)
  const machine = useApi<Machine>(may('read') ? '/process' : undefined)
  useEffect(() => {
    if (statusRound.value > 0) status.reload()
  }, [statusRound.value])
  const found = machine.data
  useEffect(() => {
    if (found === undefined) return
    host.value = found.host
    timeZone.value = found.timeZone
    hasFleet.value = found.hub
  }, [found])
  const bindings = status.data?.bindings
  useEffect(() => {
    if (bindings !== undefined) hasBindings.value = bindings !== null
  }, [bindings])
  const menu = useRef<HTMLUListElement>(null)
  // On phones the menu is wider than the page.
  useEffect(() => {
    const current = menu.current?.querySelector('[aria-current]')
    current?.scrollIntoView({ block: 'nearest', inline: 'center' })
  }, [place.value.page, hasFleet.value, language.value])
  const problems = status.data?.health.problems.length ?? 0
  return (
    <>
      <a class="skip" href="#content">
        {t('skip')}
      </a>
      <div class="frame">
        <div class="side">
          <a class="brand" href="/">
            <Logo />
            <span>
              <b>Interdict</b>
              <small class="cut">{host.value || location.hostname}</small>
            </span>
          </a>
          <nav aria-label={t('menu')}>
            <ul class="menu" ref={menu}>
              {PAGES.filter(({ id }) => id !== 'gateways' || hasFleet.value).map(({ id, path }) => (
                <li key={id}>
                  <a href={path} aria-current={place.value.page === id ? 'page' : undefined}>
                    <Icon page={id} />
                    {t(`page.${id}`)}
                    {id === 'now' && problems > 0 && (
                      <span class="badge bad count">
                        <span aria-hidden="true">{problems}</span>
                        <span class="hide">{t('problems', { n: problems })}</span>
                      </span>
                    )}
                  </a>
                </li>
              ))}
            </ul>
          </nav>
          {!isNarrow && <Preferences />}
        </div>
        <main id="content">
          {!isReachable.value && <Offline />}
          <PauseBanner against={status.data?.enforcement.against ?? []} />
          <RunningJobs />
          <Shown page={place.value.page} />
        </main>
        {/* Where it is seen: the keyboard follows the order of the document. */}
        {isNarrow && <Preferences />}
      </div>
    </>
  )
}

function Preferences() {
  return (
    <div class="preferences">
      <div class="who faint">{t('loggedInAs', { name: me.value?.name ?? '' })}</div>
      <select
        class="small"
        aria-label={t('language')}
        value={language.value}
        onChange={event => void speak(event.currentTarget.value as Language)}
      >
        {Object.entries(LANGUAGES).map(([id, name]) => (
          <option key={id} value={id} lang={id}>
            {name}
          </option>
        ))}
      </select>
      <select
        class="small"
        aria-label={t('theme')}
        value={theme.value}
        onChange={event => (theme.value = event.currentTarget.value as Theme)}
      >
        {(['auto', 'light', 'dark'] as const).map(id => (
          <option key={id} value={id}>
            {t(`theme.${id}`)}
          </option>
        ))}
      </select>
      <button type="button" class="button small" onClick={() => void logOut()}>
        {t('logOut')}
      </button>
    </div>
  )
}

function Shown({ page }: { readonly page: PageId | undefined }) {
  const [, setLoaded] = useState<PageId | undefined>(undefined)
  const [hasFailed, setFailed] = useState(false)
  useEffect(() => {
    if (page === undefined || page === 'now' || loaded.has(page)) return
    setFailed(false)
    LOADERS[page]().then(
      ({ Page }) => {
        loaded.set(page, Page)
        setLoaded(page)
      },
      () => setFailed(true)
    )
  }, [page])
  if (page === undefined) return <Title text={t('notFound')} />
  if (!may('read'))
    return (
      <>
        <Title text={t(`page.${page}`)} />
        <Alert tone="warn" title={t('error.API_SCOPE')}>
          <p>{t('needsScope', { scope: 'read' })}</p>
        </Alert>
      </>
    )
  const Page = loaded.get(page)
  if (Page !== undefined) return <Page key={page} />
  if (hasFailed) return <Alert tone="bad" title={t('failed')} />
  return (
    <p class="loading" role="status">
      {t('loading')}
    </p>
  )
}
