import { useEffect, useState } from 'preact/hooks'
import { ApiError } from '../web/api/client.js'
import { Alert, Field } from './components.js'
import { Logo } from './icons.js'
import { isReachable, logIn, navigate, place, t, word } from './state.js'

/** By token, or by the login provider if there is one. The page that was asked for is shown afterwards. */
export function Login({
  hasExpired,
  login
}: {
  readonly hasExpired: boolean
  readonly login: string | null
}) {
  const [token, setToken] = useState('')
  const [error, setError] = useState<ApiError | undefined>(undefined)
  const [isBusy, setBusy] = useState(false)
  const [refused] = useState(() => place.value.parameters.get('login'))
  useEffect(() => {
    document.title = `${t('login')} · Interdict`
    // A reload is no refusal.
    if (refused !== null) navigate(pageWithout('login'), true)
  }, [refused])
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault()
    setBusy(true)
    setError(undefined)
    try {
      await logIn(token.trim())
    } catch (found) {
      setError(found as ApiError)
      setBusy(false)
    }
  }
  return (
    <main class="login">
      <div class="card">
        <div class="brand">
          <Logo />
          <span>
            <b>Interdict</b>
            <small class="cut">{location.hostname}</small>
          </span>
        </div>
        <h1>{t('login')}</h1>
        {refused !== null && <Refused code={refused} />}
        {hasExpired && <Alert tone="warn" title={t('login.expired')} />}
        {!isReachable.value && <Alert tone="bad" title={t('offline.title')} />}
        {login !== null && (
          <a class="button main" href={loginUrl(login)}>
            {t('login.provider')}
          </a>
        )}
        <form class="stack" onSubmit={event => void submit(event)}>
          <Field label={t('login.token')}>
            <input
              type="password"
              name="token"
              autocomplete="off"
              spellcheck={false}
              required
              value={token}
              aria-describedby="token-note"
              onInput={event => setToken(event.currentTarget.value)}
            />
          </Field>
          <p class="note" id="token-note">
            {t('login.note')} <code>interdict token create</code>
          </p>
          {error !== undefined && (
            <div role="alert">
              <Alert
                tone="bad"
                title={
                  error.code === 'API_LOCKED'
                    ? t('error.API_LOCKED')
                    : error.status === 0
                      ? t('offline.title')
                      : t('login.wrong')
                }
              />
            </div>
          )}
          <button class={login === null ? 'button main' : 'button'} disabled={isBusy}>
            {t('login.submit')}
          </button>
        </form>
      </div>
    </main>
  )
}

/** Path and query of the page that is open, without a parameter. */
function pageWithout(name: string): string {
  const parameters = new URLSearchParams(place.value.parameters)
  parameters.delete(name)
  const query = parameters.toString()
  return location.pathname + (query === '' ? '' : `?${query}`)
}

/** The login returns to the page that is open. */
const loginUrl = (login: string): string =>
  `${login}?${new URLSearchParams({ page: pageWithout('login') }).toString()}`

/** Why the login provider, or this gateway after it, has refused a person. Anyone may write a code into an address. */
function Refused({ code }: { readonly code: string }) {
  const text = word('refused', code)
  return (
    <div role="alert">
      <Alert tone="bad" title={t('login.refused')}>
        <p>{text === code ? t('refused.other') : text}</p>
        {text !== code && <code class="note">{code}</code>}
      </Alert>
    </div>
  )
}
