import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import type { ApiError } from '../web/api/client.js'
import type { Messages } from '../web/messages/dashboard-texts.js'
import { format, t, word } from './state.js'
import type { Resource } from './use-api.js'

type Children = { readonly children?: ComponentChildren }
export type Tone = 'good' | 'warn' | 'bad' | 'plain'

/** The heading of a page, which has the focus when the page is opened. */
export function Title({ text, children }: { readonly text: string } & Children) {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    document.title = `${text} · Interdict`
    heading.current?.focus({ preventScroll: true })
  }, [text])
  return (
    <div class="title">
      <h1 tabIndex={-1} ref={heading}>
        {text}
      </h1>
      {children}
    </div>
  )
}

export function Card({
  title,
  aside,
  children,
  id
}: {
  readonly title?: string
  readonly aside?: ComponentChildren
  readonly id?: string
} & Children) {
  return (
    <section class="card" id={id}>
      {title !== undefined && (
        <header>
          <h2>{title}</h2>
          {aside}
        </header>
      )}
      {children}
    </section>
  )
}

export function Badge({ tone = '', children }: { readonly tone?: string } & Children) {
  return <span class={`badge ${tone}`}>{children}</span>
}

export function Verdict({ verdict }: { readonly verdict: string }) {
  return <Badge tone={verdict === 'failed' ? 'bad' : verdict}>{word('verdict', verdict)}</Badge>
}

const MARKS: Readonly<Record<Tone, string>> = { good: '✓', warn: '!', bad: '!', plain: '–' }

export function Alert({
  tone,
  title,
  children,
  action
}: {
  readonly tone: Tone
  readonly title: string
  readonly action?: ComponentChildren
} & Children) {
  return (
    <div class={`alert ${tone}`}>
      <span class="mark" aria-hidden="true">
        {MARKS[tone]}
      </span>
      <div>
        <h2>{title}</h2>
        {children}
      </div>
      <div>{action}</div>
    </div>
  )
}

/** Why something cannot be shown, in plain words, with the code for the manual. */
export function Failure({ error }: { readonly error: ApiError }) {
  if (error.code === 'OFFLINE') return null
  const key = `error.${error.code}` as keyof Messages
  const known = word('error', error.code)
  return (
    <div role="alert">
      <Alert
        tone={error.status === 403 || error.code === 'CANCELLED' ? 'warn' : 'bad'}
        title={known === error.code ? t('failed') : t(key)}
      >
        <p class="break">
          <span lang="en">{error.message}</span> <code class="note">{error.code}</code>
        </p>
      </Alert>
    </div>
  )
}

/** Shows what was read, or that it is being read, or why it cannot be. */
export function Load<T>({
  from,
  children
}: {
  readonly from: Resource<T>
  readonly children: (data: T) => ComponentChildren
}) {
  return (
    <>
      {from.error !== undefined && <Failure error={from.error} />}
      {from.data !== undefined
        ? children(from.data)
        : from.error === undefined && (
            <p class="loading" role="status">
              {t('loading')}
            </p>
          )}
    </>
  )
}

export interface Bar {
  readonly label: string
  readonly value: number
  readonly href?: string | undefined
}

/** A ranking, the greatest first. @param total that shares are of; default: the sum of the bars */
export function Bars({
  bars,
  none,
  total
}: {
  readonly bars: readonly Bar[]
  readonly none: string
  readonly total?: number
}) {
  if (bars.length === 0) return <p class="faint">{none}</p>
  const most = Math.max(...bars.map(({ value }) => value), 1)
  const all = total ?? bars.reduce((sum, { value }) => sum + value, 0)
  return (
    <ol class="bars">
      {bars
        .toSorted((a, b) => b.value - a.value)
        .map(({ label, value, href }) => (
          <li key={label}>
            <span class="cut" title={label}>
              {href === undefined ? label : <a href={href}>{label}</a>}
            </span>
            <b class="figures">{format.value.count(value)}</b>
            <span class="share figures">{format.value.share(all === 0 ? 0 : value / all)}</span>
            <span class="bar" aria-hidden="true">
              <i style={{ width: `${(100 * value) / most}%` }} />
            </span>
          </li>
        ))}
    </ol>
  )
}

export function Field({
  label,
  wide = false,
  children
}: { readonly label: string; readonly wide?: boolean } & Children) {
  return (
    <label class={wide ? 'field wide' : 'field'}>
      <span>{label}</span>
      {children}
    </label>
  )
}

/** A choice from a list, with its label. */
export function Select({
  label,
  value,
  options,
  onChange,
  name
}: {
  readonly label: string
  readonly value: string
  /** Values, with texts if those differ. */
  readonly options: readonly (string | readonly [value: string, text: string])[]
  readonly onChange: (value: string) => void
  /** Of the field in the page. */
  readonly name?: string
}) {
  return (
    <Field label={label}>
      <select name={name} value={value} onChange={event => onChange(event.currentTarget.value)}>
        {options.map(option => {
          const [one, text] = typeof option === 'string' ? [option, option] : option
          return (
            <option key={one} value={one}>
              {text}
            </option>
          )
        })}
      </select>
    </Field>
  )
}

/** Choices of which one holds. */
export function Tabs<T extends string>({
  label,
  value,
  options,
  onChange
}: {
  readonly label: string
  readonly value: T
  readonly options: readonly (readonly [value: T, text: string])[]
  readonly onChange: (value: T) => void
}) {
  return (
    <div class="tabs" role="group" aria-label={label}>
      {options.map(([option, text]) => (
        <button
          key={option}
          type="button"
          aria-pressed={option === value}
          onClick={() => onChange(option)}
        >
          {text}
        </button>
      ))}
    </div>
  )
}

export function Facts({
  facts,
  isWide = false
}: {
  readonly facts: readonly (readonly [string, ComponentChildren])[]
  /** In two columns, where there is room. */
  readonly isWide?: boolean
}) {
  return (
    <dl class={isWide ? 'facts wide' : 'facts'}>
      {facts
        .filter(([, value]) => value !== null && value !== undefined && value !== '')
        .map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  )
}

/** An id. It may wrap after "/" and "+", since ids of exceptions consist of several ids. */
export function Id({ text }: { readonly text: string }) {
  return <>{text.split(/(?<=[/+])/).flatMap((part, i) => (i === 0 ? [part] : [<wbr />, part]))}</>
}

export function Modal({
  title,
  onClose,
  children
}: { readonly title: string; readonly onClose: () => void } & Children) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const { current } = dialog
    current?.showModal()
    return () => current?.close()
  }, [])
  return (
    <dialog ref={dialog} aria-label={title} onClose={onClose}>
      <div>
        <div class="row apart">
          <h2 class="break">{title}</h2>
          <button type="button" class="button small" onClick={onClose}>
            {t('close')}
          </button>
        </div>
        {children}
      </div>
    </dialog>
  )
}
