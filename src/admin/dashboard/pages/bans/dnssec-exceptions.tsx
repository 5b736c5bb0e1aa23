import type { DnssecException, Listing } from '../../../web/api/types/rule-responses.js'
import { Card } from '../../components.js'
import { t } from '../../state.js'
import { Table } from '../../table.js'
import { useApi } from '../../use-api.js'
import { approvalColumns, termColumns } from './rule-term.js'

/** Names that are not validated for a while; nothing if there are none. */
export function DnssecExceptions({ withEnded }: { readonly withEnded: boolean }) {
  const all = useApi<Listing<DnssecException>>('/dnssec-exceptions', { limit: 1000 }, 60)
  const shown = (all.data?.items ?? []).filter(({ state }) => withEnded || state !== 'ended')
  if (shown.length === 0) return null
  return (
    <Card title={t('bans.dnssec')}>
      <p class="note">{t('bans.dnssecNote')}</p>
      <Table
        label={t('bans.dnssec')}
        rows={shown}
        columns={[
          { title: t('filter.name'), kind: 'break', cell: ({ name }) => <code>{name}</code> },
          ...approvalColumns(),
          ...termColumns()
        ]}
      />
    </Card>
  )
}
