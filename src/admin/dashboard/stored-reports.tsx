import { useEffect, useRef, useState } from 'preact/hooks'
import type { ApiError } from '../web/api/client.js'
import type { StoredReport } from '../web/api/types/log-responses.js'
import { urlOf } from '../web/pages.js'
import { Card, Failure, Load } from './components.js'
import { api, format, fromReport, t } from './state.js'
import { Table } from './table.js'
import { useApi } from './use-api.js'

/** The list of the stored scheduled reports, or one of them. */
export function StoredReports({ name }: { readonly name: string | null }) {
  const stored = useApi<{ readonly items: readonly StoredReport[] }>('/reports/stored')
  if (name !== null) return <StoredPage key={name} name={name} />
  return (
    <Card title={t('reports.stored')}>
      <Load from={stored}>
        {({ items }) => (
          <Table
            none={t('reports.noneStored')}
            id="stored"
            label={t('reports.stored')}
            rows={items}
            rowId={({ name }) => name}
            columns={[
              {
                title: t('reports.kind'),
                kind: 'break',
                cell: ({ name, title }) => (
                  <a href={urlOf('reports', { stored: name })}>{fromReport(title)}</a>
                )
              },
              { title: t('log.period'), kind: 'date', cell: periodOf },
              {
                title: t('reports.created'),
                kind: 'date',
                cell: ({ created }) => format.value.dateTime(created)
              },
              {
                title: t('reports.size'),
                kind: 'n',
                cell: ({ bytes }) => format.value.bytes(bytes)
              }
            ]}
          />
        )}
      </Load>
    </Card>
  )
}

/** `until` is the end: the day before is the last one of a period of days. */
function periodOf({ since, until }: StoredReport): string {
  if (since === null || until === null) return '–'
  const { value: f } = format
  const [first, last] = [f.day(since), f.day(new Date(Date.parse(until) - 1).toISOString())]
  return first === last ? first : `${first} – ${last}`
}

function StoredPage({ name }: { readonly name: string }) {
  const place = useRef<HTMLDivElement>(null)
  const [error, setError] = useState<ApiError | undefined>(undefined)
  const [isShown, setShown] = useState(false)
  useEffect(() => {
    api.text(`/reports/stored/${encodeURIComponent(name)}`).then(
      text => {
        if (place.current === null) return
        show(text, place.current)
        setShown(true)
      },
      (reason: unknown) => setError(reason as ApiError)
    )
  }, [name])
  return (
    <section class="card document">
      <p class="no-print">
        <a href={urlOf('reports', { stored: '' })}>{t('reports.allStored')}</a>
      </p>
      {error !== undefined && <Failure error={error} />}
      {!isShown && error === undefined && (
        <p class="loading" role="status">
          {t('loading')}
        </p>
      )}
      <div ref={place} data-stored={isShown ? name : undefined} />
    </section>
  )
}

const STYLE = /<style>([^]*?)<\/style>/

interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createHTML: (text: string) => string }
  ): { createHTML(text: string): string }
}

/** Strings become HTML only here, in a document that runs no scripts. Browsers without Trusted Types take the string. */
const parser = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes?.createPolicy(
  'stored-report',
  { createHTML: text => text.replace(STYLE, '') }
) ?? { createHTML: text => text.replace(STYLE, '') }

/** In a shadow tree, so that neither style sheet applies to the other; with the colours of the dashboard. */
function show(text: string, place: HTMLElement): void {
  const page = new DOMParser().parseFromString(parser.createHTML(text), 'text/html')
  const sheet = new CSSStyleSheet()
  sheet.replaceSync(STYLE.exec(text)?.[1] ?? '')
  const root = place.shadowRoot ?? place.attachShadow({ mode: 'open' })
  root.adoptedStyleSheets = [sheet]
  const nodes = [...(page.querySelector('main')?.childNodes ?? [])]
  root.replaceChildren(...nodes.map(node => document.importNode(node, true)))
}
