import type { ComponentChildren } from 'preact'
import type { Filters } from '../web/log-filter.js'
import { urlOf } from '../web/pages.js'
import { t } from './state.js'

/** What would be here, and how to get it there. */
export function Empty({
  title,
  children
}: {
  readonly title: string
  readonly children?: ComponentChildren
}) {
  return (
    <div class="empty" data-empty>
      <p>
        <b>{title}</b>
      </p>
      {children}
    </div>
  )
}

/** No lookup: with filters, they may be too narrow; without, nothing was logged. */
export function EmptyLog({ filters }: { readonly filters: Filters }) {
  const isFiltered = Object.keys(filters).some(one => one !== 'since' && one !== 'until')
  return (
    <Empty title={t(isFiltered ? 'empty.filtered' : 'empty.log')}>
      <p class="note">{t('empty.logText')}</p>
      <pre class="note">log: {'{ queries: { which: all } }'}</pre>
      <p class="row">
        <a href={urlOf('log', { live: '1' })}>{t('empty.live')}</a>
        {isFiltered && <a href={urlOf('log')}>{t('empty.all')}</a>}
      </p>
    </Empty>
  )
}
