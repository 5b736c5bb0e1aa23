import type { DnssecException, Listing } from '../../../web/api/types/rule-responses.js'
import { Badge, Card } from '../../components.js'
import { t, word } from '../../state.js'
import { Table } from '../../table.js'
import { useApi } from '../../use-api.js'
import { lastDayOf, Left, TONES } from './rule-term.js'

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
          { title: t('bans.purpose'), cell: ({ purpose }) => purpose },
          { title: t('bans.approver'), cell: ({ approvedBy }) => approvedBy },
          {
            title: t('bans.lastDay'),
            cell: ({ until }) => (
              <>
                {lastDayOf(until) ?? t('bans.open')} <Left until={until} />
              </>
            )
          },
          {
            title: t('state'),
            cell: ({ state }) => <Badge tone={TONES[state]}>{word('state', state)}</Badge>
          }
        ]}
      />
    </Card>
  )
}
