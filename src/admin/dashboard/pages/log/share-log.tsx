import { searchQuery, type Filters } from '../../../web/log-filter.js'
import { urlOf } from '../../../web/pages.js'
import { queryOf } from '../../../web/api/client.js'
import { Failure } from '../../components.js'
import { saveBlob, saveFile } from '../../export-buttons.js'
import { api, me, t } from '../../state.js'
import { useAction } from '../../use-api.js'

const FORMATS = [
  ['csv', 'CSV'],
  ['jsonl', 'JSON lines'],
  ['parquet', 'Parquet']
] as const

/** Saves all lookups of a search, or copies a link to it. Spans become times, so that neither changes with the hour. */
export function ShareLog({ filters }: { readonly filters: Filters }) {
  const { error, isBusy, run } = useAction()
  const absolute = (): Filters => {
    const { until, ...query } = searchQuery(filters, Date.now())
    // Without an end it would have lookups of later, too.
    return { ...query, until: until ?? `${new Date().toISOString().slice(0, 19)}Z` }
  }
  const save = async (format: string): Promise<void> => {
    const query = { ...absolute(), format }
    const name = `lookups.${format}`
    // Only a browser with a session can save it without having all of it in memory: links send no tokens.
    if (me.value?.sessionEnds == null) saveBlob(await api.file('/lookups/export', query), name)
    else saveFile(`/api/v1/lookups/export${queryOf(query)}`, name)
  }
  const copy = async (): Promise<void> => {
    const link = location.origin + urlOf('log', { ...absolute() })
    // Only pages over HTTPS have a clipboard.
    if ('clipboard' in navigator) await navigator.clipboard.writeText(link)
    else prompt(t('log.link'), link)
  }
  return (
    <>
      {error !== undefined && <Failure error={error} />}
      <div class="row no-print" data-export="lookups">
        <details class="export">
          <summary class="note">{t('export')}</summary>
          {FORMATS.map(([format, label]) => (
            <button
              key={format}
              type="button"
              class="link note"
              disabled={isBusy}
              onClick={() => void run(() => save(format))}
            >
              {label}
            </button>
          ))}
        </details>
        <button type="button" class="link note" onClick={() => void run(copy)}>
          {t('log.copyLink')}
        </button>
      </div>
    </>
  )
}
